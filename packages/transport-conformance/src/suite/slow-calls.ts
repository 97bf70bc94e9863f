import { create } from "@bufbuild/protobuf";
import type { ClientTransport } from "@paxos/core";
import { MembershipChangeSchema, type MembershipChange } from "@paxos/proto";

/** The calls, besides updates, that may take their time: each can be cancelled. */
export const slowKinds = ["takeSnapshot", "changeMembership", "transferLeadership"] as const;
export type SlowKind = (typeof slowKinds)[number];

/** A change of the membership that has something in every part of it. */
export function membershipChange(): MembershipChange {
  const voters = [
    { nodeId: 0n, address: "zero:1", storeId: 2n ** 64n - 5n, priority: 3 },
    { nodeId: 1n, address: "[::1]:2" },
  ];
  return create(MembershipChangeSchema, {
    changeId: 2n ** 64n - 3n,
    epoch: 2n ** 53n - 1n,
    force: true,
    type: { case: "setMembers", value: { voters, learners: [{ nodeId: 2n, address: "two:3" }] } },
  });
}

/** Makes a call that may take its time. */
export function callSlowly(
  kind: SlowKind,
  client: ClientTransport,
  address: string,
  signal: AbortSignal,
): Promise<unknown> {
  switch (kind) {
    case "takeSnapshot":
      return client.takeSnapshot(address, signal);
    case "changeMembership":
      return client.changeMembership(address, membershipChange(), signal);
    case "transferLeadership":
      return client.transferLeadership(address, 1n, signal);
  }
}
