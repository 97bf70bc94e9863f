// What is in a snapshot: the table of sessions, the marks of the log's tail, and the state machine's state, as SnapshotParts
// one behind the other, cut into chunks.
import { create } from "@bufbuild/protobuf";
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { Sessions, type SessionBounds } from "@paxos/core";
import { RepeatedSeqsSchema, SnapshotPartSchema, type ClientSession, type SnapshotPart } from "@paxos/proto";
import { ChunkCutter } from "./chunk-cutter.js";
import { SeqSet } from "./seq-set.js";

/** A part of the state carries so many bytes at most. */
const statePartBytes = 64 * 1024;

/** A part is as large as one client's largest answer; what is read was written here or by a peer, and is checked by sum. */
const readMaxBytes = 512 * 1024 * 1024;

/** What a snapshot is made of, as it stood at one seq. */
export interface SnapshotContent {
  readonly sessions: Iterable<ClientSession>;
  /** Seqs that were ordered and not executed. */
  readonly repeated: readonly number[];
  readonly state: AsyncIterable<Uint8Array>;
}

/** The content as bytes, in chunks of `chunkBytes`; the last one may be shorter. */
export async function* encodeContent(
  { sessions, repeated, state }: SnapshotContent,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  const cutter = new ChunkCutter(chunkBytes);
  for (const session of sessions) yield* cutter.add(encodePart({ case: "session", value: session }));
  if (repeated.length > 0) {
    const distances = repeated.map((seq, i) => BigInt(seq - (repeated[i - 1] ?? 0)));
    yield* cutter.add(encodePart({ case: "repeatedSeqs", value: create(RepeatedSeqsSchema, { distances }) }));
  }
  for await (const piece of state) {
    for (let from = 0; from < piece.length; from += statePartBytes) {
      const value = piece.subarray(from, from + statePartBytes);
      yield* cutter.add(encodePart({ case: "state", value }));
    }
  }
  yield* cutter.end();
}

function encodePart(type: SnapshotPart["type"]): Uint8Array {
  return sizeDelimitedEncode(SnapshotPartSchema, create(SnapshotPartSchema, { type }));
}

/** What a snapshot restores besides the state machine. */
export interface RestoredTables {
  readonly sessions: Sessions;
  readonly repeated: SeqSet;
}

/**
 * Reads a snapshot's content: gives `restoreState` the bytes of the state, and resolves with the rest when it is done. The
 * sizes of the pieces are not those that the state machine gave.
 */
export async function decodeContent(
  chunks: AsyncIterable<Uint8Array>,
  bounds: Partial<SessionBounds>,
  restoreState: (pieces: AsyncIterable<Uint8Array>) => Promise<void> | void,
): Promise<RestoredTables> {
  const tables = { sessions: new Sessions(bounds), repeated: new SeqSet() };
  const parts = sizeDelimitedDecodeStream(SnapshotPartSchema, chunks, { readMaxBytes });
  const state = stateOf(parts, tables);
  await restoreState(state);
  // A state machine may know its own end; the tables come before the state, so they are whole once there is an end.
  for await (const _ of state);
  return tables;
}

async function* stateOf(
  parts: AsyncIterable<SnapshotPart>,
  { sessions, repeated }: RestoredTables,
): AsyncGenerator<Uint8Array> {
  for await (const { type } of parts) {
    switch (type.case) {
      case "session":
        sessions.restore(type.value);
        break;
      case "repeatedSeqs": {
        let seq = 0;
        for (const distance of type.value.distances) repeated.add((seq += Number(distance)));
        break;
      }
      case "state":
        yield type.value;
        break;
      case undefined:
        throw new Error("a snapshot holds a part of a kind that this version does not know");
    }
  }
}
