// Saves as a node makes them, with content that says where it belongs.
import { create } from "@bufbuild/protobuf";
import type { Save } from "@paxos/core";
import { PersistentStateSchema, ProposalSchema, StoredRunSchema, type StoredRun } from "@paxos/proto";

export interface RunFields {
  readonly seq: number;
  readonly count: number;
  readonly epoch?: number;
  readonly view?: number;
  readonly ordered?: boolean;
  /** The bytes of each update. */
  readonly size?: number;
}

/** What the update at a seq of such a run says. */
export function content(run: RunFields, seq: number): string {
  const origin = run.ordered === true ? "ordered" : `${run.epoch ?? 0}.${run.view ?? 0}`;
  return `${seq}@${origin}`.padEnd(run.size ?? 0, "-");
}

export function makeRun(fields: RunFields): StoredRun {
  const { seq, count, epoch = 0, view = 0, ordered = false } = fields;
  const updates = Array.from({ length: count }, (_, i) => new TextEncoder().encode(content(fields, seq + i)));
  const proposal = create(ProposalSchema, { nodeId: 1n, view: BigInt(view), seq: BigInt(seq), updates });
  return create(StoredRunSchema, { formatVersion: 1, epoch: BigInt(epoch), ordered, proposal });
}

export function makeSave(number: number, localAru: number, runs: readonly RunFields[]): Save {
  const state = create(PersistentStateSchema, {
    formatVersion: 1,
    nodeId: 1n,
    nodeCount: 3n,
    saveNumber: BigInt(number),
    promisedView: BigInt(number + 10),
    localAru: BigInt(localAru),
    epochRecord: { formatVersion: 1, prepareQuorum: 2, acceptQuorum: 2 },
    peerStores: [{ nodeId: 2n, storeId: 0xffff_ffff_ffff_fff1n }],
  });
  return { number, state, runs: runs.map(makeRun), messages: [] };
}

export function texts(updates: readonly Uint8Array[]): string[] {
  return updates.map((update) => new TextDecoder().decode(update));
}

/** Random integers from 0 to `below`, less one, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
