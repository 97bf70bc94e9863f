import { ConfigError } from "@paxos/core";

/** Where to listen, or whom to dial. */
export interface HostPort {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 asks for any free port. */
  readonly port: number;
}

/** Reads `host:port`, IPv6 in brackets. Throws a {@link ConfigError} that quotes what it was given. */
export function parseAddress(address: string): HostPort {
  const match = /^(?:\[([^\][%]+)\]|([^:\][/\s]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) {
    throw new ConfigError(
      `"${address}" is no address: give host:port, with a port up to 65535 and IPv6 in brackets`,
    );
  }
  return { host, port };
}

/** Writes `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
