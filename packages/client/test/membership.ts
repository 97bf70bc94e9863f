// Memberships as servers tell them.
import { create } from "@bufbuild/protobuf";
import { EpochRecordSchema, type EpochRecord } from "@paxos/proto";
import type { ScriptedClient } from "./scripted-client.js";

/** A membership of voters at these addresses; ids from 10 on, in the order of the alphabet: "a:1" is node 10. */
export function recordOf(
  epoch: bigint,
  addresses: readonly string[],
  more: { readonly changeId?: bigint } = {},
): EpochRecord {
  return create(EpochRecordSchema, {
    epoch,
    voters: addresses.map((address) => ({ nodeId: idOf(address), address })),
    prepareQuorum: 2,
    acceptQuorum: 2,
    ...more,
  });
}

function idOf(address: string): bigint {
  return BigInt((address.codePointAt(0) ?? 0) - 0x61 + 10);
}

/** From now on these servers, of all that have been told of so far, answer, and say this. Others refuse connections. */
export function tell(
  { transport }: ScriptedClient,
  servers: readonly string[],
  said: {
    readonly record: EpochRecord;
    readonly leader?: string;
    readonly cluster?: number;
    readonly down: Error;
  },
): void {
  const { record, leader, cluster = 1, down } = said;
  const leaderId = leader === undefined ? {} : { leaderId: idOf(leader) };
  for (const address of transport.memberships.keys()) {
    transport.memberships.set(address, down);
    transport.statuses.set(address, down);
  }
  for (const address of servers) {
    const about = { nodeId: idOf(address), epochRecord: record, ...leaderId };
    transport.statuses.set(address, about);
    transport.memberships.set(address, { ...about, clusterId: Uint8Array.of(cluster) });
  }
}
