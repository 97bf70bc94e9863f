import { create } from "@bufbuild/protobuf";
import {
  AcceptSchema,
  ClientUpdateSchema,
  encodeClientUpdate,
  MessageSchema,
  ProposalSchema,
  type ClientUpdate,
  type Message,
} from "@paxos/proto";

/** After so many messages the receiver says how many it has had. */
export const confirmEvery = 256;

/** Messages between peers: how they are made, how many in a turn of the event loop, and how many unconfirmed at most. */
export interface Load {
  readonly name: string;
  readonly make: () => Message;
  readonly perTurn: number;
  readonly window: number;
  /** Updates in each message. */
  readonly updates: number;
}

/** Updates of 100 bytes, encoded, as they come from clients. */
const updates = Array.from({ length: 64 }, (_, i) =>
  encodeClientUpdate({
    clientId: 2n ** 63n + BigInt(i),
    nodeId: 1n,
    timestamp: 1000n + BigInt(i),
    update: new Uint8Array(100).fill(i),
  }),
);

const common = { to: 1n, epoch: 1n, storeId: 2n ** 60n, from: 0n };
/** Proposals of this view are answered. */
const answeredView = 10n;
let seq = 0n;

function accept(): Message {
  const value = create(AcceptSchema, { nodeId: 0n, view: 9n, seq: ++seq, localAru: seq });
  return create(MessageSchema, { ...common, type: { case: "accept", value } });
}

function proposalOf(count: number, view = 9n): () => Message {
  return () => {
    seq += BigInt(count);
    const value = create(ProposalSchema, { nodeId: 0n, view, seq, updates: updates.slice(0, count) });
    return create(MessageSchema, { ...common, type: { case: "proposal", value } });
  };
}

export const loads: readonly Load[] = [
  { name: "accepts", make: accept, perTurn: 256, window: 16_384, updates: 0 },
  { name: "proposals of 1 update", make: proposalOf(1), perTurn: 256, window: 16_384, updates: 1 },
  { name: "proposals of 64 updates", make: proposalOf(64), perTurn: 16, window: 1024, updates: 64 },
];

/** A proposal of 64 updates, to which the receiver answers with an Accept. */
export const question: () => Message = proposalOf(64, answeredView);

export const isQuestion = ({ type }: Message): boolean =>
  type.case === "proposal" && type.value.view === answeredView;

/** What answers a {@link question}. */
export const answer = (): Message => ({ ...accept(), to: 0n, from: 1n });

let timestamp = 0n;

/** An update of 100 bytes, as a client sends it. */
export function makeUpdate(): ClientUpdate {
  return create(ClientUpdateSchema, {
    clientId: 2n ** 63n,
    timestamp: ++timestamp,
    update: new Uint8Array(100),
  });
}
