import { create } from "@bufbuild/protobuf";
import type { Identity } from "@paxos/core";
import {
  AcceptSchema,
  CatchUpAnswerSchema,
  ClientUpdateSchema,
  HelloSchema,
  MessageSchema,
  PeerFrameSchema,
  ProposalSchema,
  SnapshotChunkSchema,
  type ClientUpdate,
  type Hello,
  type Message,
  type PeerFrame,
} from "@paxos/proto";

/** The cluster of all endpoints that name no other. */
export const clusterId = new Uint8Array(32).fill(7);

/** How a node of that cluster introduces itself. */
export const identityOf = (nodeId: number): Identity => ({
  clusterId,
  nodeId,
  storeId: BigInt(nodeId + 100),
  incarnation: BigInt(nodeId + 200),
  saveHistory: Uint8Array.of(nodeId, 3),
  epochRecord: Uint8Array.of(8, 1, nodeId),
  address: `node-${nodeId}:1`,
  protocolVersion: 2,
  commandVersion: nodeId + 1,
});

/** 1 to `count`. */
export const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** A small message of the control lane. */
export function accept(to: number, seq: number): Message {
  const value = create(AcceptSchema, { nodeId: 9n, view: 1n, seq: BigInt(seq) });
  return create(MessageSchema, { to: BigInt(to), type: { case: "accept", value }, storeId: 5n });
}

/** A message of the control lane with so many bytes in it. */
export function proposal(to: number, seq: number, bytes: number): Message {
  const value = create(ProposalSchema, {
    view: 1n,
    seq: BigInt(seq),
    updates: [new Uint8Array(bytes).fill(seq)],
  });
  return create(MessageSchema, { to: BigInt(to), type: { case: "proposal", value } });
}

/** Messages of the bulk lane. */
export function catchUpAnswer(to: number, seq: number, bytes: number): Message {
  const value = create(CatchUpAnswerSchema, { seq: BigInt(seq), updates: [new Uint8Array(bytes)] });
  return create(MessageSchema, { to: BigInt(to), type: { case: "catchUpAnswer", value } });
}

export function snapshotChunk(to: number, index: number, bytes: number): Message {
  const value = create(SnapshotChunkSchema, { index, data: new Uint8Array(bytes) });
  return create(MessageSchema, { to: BigInt(to), type: { case: "snapshotChunk", value } });
}

/** The seqs of the messages of one kind that an endpoint received, sorted: nobody promises their order. */
export function seqsOf(
  { received }: { readonly received: readonly { readonly message: Message }[] },
  kind: "accept" | "proposal" | "catchUpAnswer",
): number[] {
  const seqs = received.flatMap(({ message: { type } }) =>
    type.case === kind ? [Number(type.value.seq)] : [],
  );
  return seqs.sort((a, b) => a - b);
}

/** A Hello as a well-behaved node 1 says it to node 0, but for what a test changes. */
export function hello(changes: Partial<Omit<Hello, "$typeName" | "$unknown">> = {}): PeerFrame {
  const said = { ...identityOf(1), protocolVersion: 1, nodeId: 1n, to: 0n };
  return create(PeerFrameSchema, { hello: create(HelloSchema, { ...said, ...changes }) });
}

/** A frame of messages, given as bytes that need not be messages. */
export function messages(...bytes: Uint8Array[]): PeerFrame {
  return create(PeerFrameSchema, { messages: bytes });
}

/** An update of a client. */
export function update(timestamp: number, bytes = 100): ClientUpdate {
  return create(ClientUpdateSchema, {
    clientId: 0xffffffffffffffffn,
    timestamp: BigInt(timestamp),
    update: new Uint8Array(bytes).fill(timestamp),
  });
}
