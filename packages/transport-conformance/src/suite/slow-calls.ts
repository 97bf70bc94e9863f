import { create } from "@bufbuild/protobuf";
import type { ClientTransport } from "@paxos/core";
import {
  Consistency,
  MembershipChangeSchema,
  QueryRequestSchema,
  type MembershipChange,
  type QueryRequest,
} from "@paxos/proto";

/** The calls, besides updates, that may take their time: each can be cancelled. */
export const slowKinds = ["query", "takeSnapshot", "changeMembership", "transferLeadership"] as const;
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

/** A query that has something in every part of it. */
function queryRequest(): QueryRequest {
  return create(QueryRequestSchema, { query: Uint8Array.of(0, 255), consistency: Consistency.LOCAL });
}

/** Makes a call that may take its time. */
export function callSlowly(
  kind: SlowKind,
  client: ClientTransport,
  address: string,
  signal: AbortSignal,
): Promise<unknown> {
  switch (kind) {
    case "query":
      return client.query(address, queryRequest(), signal);
    case "takeSnapshot":
      return client.takeSnapshot(address, signal);
    case "changeMembership":
      return client.changeMembership(address, membershipChange(), signal);
    case "transferLeadership":
      return client.transferLeadership(address, 1n, signal);
  }
}
