// Which line of the hostfile is this host's own.
import { lookup } from "node:dns/promises";
import { BlockList, isIPv6 } from "node:net";
import { hostname, networkInterfaces } from "node:os";

import { ConfigError } from "@paxos/core";

import type { HostfileMember } from "./hostfile.js";

/** What a host knows of itself and of the network. */
export interface HostProbe {
  /** The host's name. */
  hostname(): string;
  /** The IP addresses of its interfaces. */
  localAddresses(): readonly string[];
  /** All IP addresses of a name; an IP address resolves to itself. Rejects when there are none. */
  resolve(host: string): Promise<readonly string[]>;
}

/** Asks the operating system. */
export const systemProbe: HostProbe = {
  hostname,
  localAddresses: () =>
    Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address)),
  resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
};

/**
 * Finds the member that this host is: the one whose host is this host's name, or resolves to a local address.
 *
 * @throws ConfigError when none fits or several do; it says to use -i.
 */
export async function findSelf(
  members: readonly HostfileMember[],
  probe: HostProbe = systemProbe,
): Promise<HostfileMember> {
  const isLocal = localAddressCheck(probe.localAddresses());
  const name = probe.hostname().toLowerCase();
  const unresolved: string[] = [];
  const fits = async ({ host }: HostfileMember): Promise<boolean> => {
    if (host === name) return true;
    try {
      return (await probe.resolve(host)).some(isLocal);
    } catch {
      unresolved.push(host);
      return false;
    }
  };
  const verdicts = await Promise.all(members.map(fits));
  const candidates = members.filter((_, index) => verdicts[index]);
  const [self] = candidates;
  if (self === undefined) throw noneFits(members, name, unresolved);
  if (candidates.length > 1) throw severalFit(candidates);
  return self;
}

/** Compares addresses, not strings: IPv6 has many spellings, and all of 127.0.0.0/8 is this host. */
function localAddressCheck(addresses: readonly string[]): (address: string) => boolean {
  const local = new BlockList();
  local.addSubnet("127.0.0.0", 8, "ipv4");
  local.addAddress("::1", "ipv6");
  for (const address of addresses) local.addAddress(withoutZone(address), family(address));
  return (address) => local.check(withoutZone(address), family(address));
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

function family(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

function noneFits(
  members: readonly HostfileMember[],
  name: string,
  unresolved: readonly string[],
): ConfigError {
  const listed = members.map(({ address }) => address).join(", ");
  const unknown = unresolved.length === 0 ? "" : ` (not resolved: ${unresolved.join(", ")})`;
  return new ConfigError(
    `this host, ${name}, is not in the hostfile, which names ${listed}${unknown}; add it, or say with -i ID which it is`,
  );
}

function severalFit(candidates: readonly HostfileMember[]): ConfigError {
  const listed = candidates.map(({ nodeId, address }) => `${nodeId} (${address})`).join(", ");
  return new ConfigError(
    `several members of the hostfile are on this host: ${listed}; say with -i ID which one this is`,
  );
}
