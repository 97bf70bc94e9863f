import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ChangeMembershipResponseSchema,
  MembershipChangeSchema,
  MembersResponseSchema,
  type MembershipChange,
} from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import type { Endpoints } from "./endpoints.js";
import { epochRecord, Handler } from "./handlers.js";
import { membershipChange } from "./slow-calls.js";
import { describeSubject } from "./subject.js";
import { errorOf } from "./until.js";

/** What is asked about the members, and that the answers come. How these calls fail is tested with the others. */
export function describeMembershipCalls(adapter: TransportAdapter): void {
  describeSubject("membership calls", adapter, (endpoints) => {
    describe.each(Object.keys(adapter.clients))("%s", (kind) => {
      testMembers(endpoints, kind);
      testChanges(endpoints, kind);
      testTransfers(endpoints, kind);
    });
  });
}

const never = (): AbortSignal => new AbortController().signal;
const encoded = (change: MembershipChange): Uint8Array => toBinary(MembershipChangeSchema, change);

/** Keeps the changes that it is asked for. */
class Recording extends Handler {
  readonly changes: MembershipChange[] = [];
  readonly transfers: (bigint | undefined)[] = [];

  override changeMembership(change: MembershipChange, signal: AbortSignal) {
    this.changes.push(change);
    return super.changeMembership(change, signal);
  }

  override transferLeadership(to: bigint | undefined, signal: AbortSignal) {
    this.transfers.push(to);
    return super.transferLeadership(to, signal);
  }
}

function testMembers(endpoints: Endpoints, kind: string): void {
  test("members are told, unchanged", async () => {
    const handler = new Handler();
    const { address } = await endpoints.serving(handler);
    const told = await endpoints.client(kind).members(address, never());
    expect(toBinary(MembersResponseSchema, told)).toEqual(
      toBinary(MembersResponseSchema, await handler.members()),
    );
    // Node 0 may lead as well.
    expect(told.leaderId).toBe(0n);
  });

  test("a node that knows no leader names none", async () => {
    const handler = new Handler();
    handler.members = () => Promise.resolve(create(MembersResponseSchema, { nodeId: 3n }));
    const { address } = await endpoints.serving(handler);
    expect((await endpoints.client(kind).members(address, never())).leaderId).toBeUndefined();
  });
}

/** A change of so many bytes. */
function changeOf(bytes: number): MembershipChange {
  const move = (length: number): MembershipChange =>
    create(MembershipChangeSchema, {
      type: { case: "move", value: { nodeId: 1n, address: "x".repeat(length) } },
    });
  const overhead = encoded(move(bytes - 100)).length - (bytes - 100);
  return move(bytes - overhead);
}

const changes: NonNullable<MessageInitShape<typeof MembershipChangeSchema>["type"]>[] = [
  { case: "addLearner", value: { nodeId: 7n, address: "seven:7" } },
  { case: "promote", value: 0n },
  { case: "demote", value: 2n ** 53n - 1n },
  { case: "remove", value: 1n },
  { case: "replace", value: { leaves: 0n, comes: 7n, address: "" } },
  { case: "move", value: { nodeId: 0n, address: "[::1]:1" } },
  { case: "setQuorums", value: { prepareQuorum: 3, acceptQuorum: 2 } },
  { case: "setPriority", value: { nodeId: 0n, priority: 2 ** 32 - 1 } },
];

function testChanges(endpoints: Endpoints, kind: string): void {
  test("changes of all kinds arrive unchanged, and the new membership comes back so", async () => {
    const handler = new Recording();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const all = [membershipChange(), ...changes.map((type) => create(MembershipChangeSchema, { type }))];
    const kinds = MembershipChangeSchema.oneofs[0]?.fields.map(({ localName }) => localName);
    expect(new Set(all.map(({ type }) => type.case))).toEqual(new Set(kinds));
    for (const change of all) {
      const answer = await client.changeMembership(address, change, never());
      expect(toBinary(ChangeMembershipResponseSchema, answer)).toEqual(
        toBinary(ChangeMembershipResponseSchema, create(ChangeMembershipResponseSchema, { epochRecord })),
      );
    }
    expect(handler.changes.map(encoded)).toEqual(all.map(encoded));
    // Whichever epoch it is, and epoch 0, are not the same.
    expect(handler.changes[1]?.epoch).toBeUndefined();
  });

  test("a change of 64 KiB is asked for; a larger one is not", async () => {
    const handler = new Recording();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    const error = await errorOf(client.changeMembership(address, changeOf(64 * 1024 + 1), never()));
    expect(error).toMatchObject({ name: "RequestError", code: "too_large" });
    expect((error as Error).message).toMatch(/the change has 65537 bytes; the limit is 65536/);
    await client.changeMembership(address, changeOf(64 * 1024), never());
    expect(handler.changes.map((change) => encoded(change).length)).toEqual([64 * 1024]);
  });
}

function testTransfers(endpoints: Endpoints, kind: string): void {
  test("leadership is handed over to whom it is asked for, or to whom the leader thinks best", async () => {
    const handler = new Recording();
    const { address } = await endpoints.serving(handler);
    const client = endpoints.client(kind);
    for (const to of [0n, 2n ** 53n - 1n, undefined]) {
      const { leaderId } = await client.transferLeadership(address, to, never());
      expect(leaderId).toBe(to ?? 9n);
    }
    expect(handler.transfers).toEqual([0n, 2n ** 53n - 1n, undefined]);
  });
}
