// Which cluster this is, and which of its members.
import { ConfigError, firstEpoch } from "@paxos/core";
import { type HostProbe, type HostfileMember, findSelf, loadHostfile } from "@paxos/hostfile";
import type { EpochRecord } from "@paxos/proto";
import { clusterIdOf } from "@paxos/replica";

import type { MemberFlags } from "./flags.js";

export interface Membership {
  readonly self: HostfileMember;
  readonly peers: readonly HostfileMember[];
  /** Of a cluster that begins with nothing. One that began with a backup has that in the record that its storage holds. */
  readonly epochRecord: EpochRecord;
  /** What names the hostfile's data directories; a cluster that began with a backup has an id of its own. */
  readonly hostfileId: Uint8Array;
}

/** Reads the hostfile, and finds this member in it. Rejects with a ConfigError. */
export async function readMembership(
  { hostfile, port, id }: MemberFlags,
  probe: HostProbe,
): Promise<Membership> {
  const members = await loadHostfile(hostfile, { defaultPort: port });
  const self = id === undefined ? await findSelf(members, probe) : memberById(members, id, hostfile);
  const epochRecord = firstEpoch(members.map(({ address }) => address));
  const peers = members.filter((member) => member !== self);
  return { self, peers, epochRecord, hostfileId: clusterIdOf(epochRecord) };
}

/** @throws ConfigError when the hostfile has no such member. */
export function memberById(members: readonly HostfileMember[], id: number, file: string): HostfileMember {
  const member = members[id];
  if (member === undefined) {
    const ids = members.length === 1 ? "the id 0" : `the ids from 0 to ${members.length - 1}`;
    throw new ConfigError(`bad --id ${id}: ${file} names ${members.length}, with ${ids}`);
  }
  return member;
}
