import { crc32 } from "node:zlib";
import type { SnapshotId } from "@paxos/core";
import type { Snapshot } from "@paxos/proto";
import {
  CHUNKS_END,
  CHUNKS_START,
  describeSnapshot,
  INCOMING_KEY,
  parseChunkKey,
  SNAPSHOTS_END,
  SNAPSHOTS_START,
} from "./layout.js";
import { decodeHeader } from "./load-snapshots.js";
import type { Receiving } from "./reception.js";
import { asProblem } from "./problems.js";
import type { Records } from "./records.js";
import { decodeChunk, decodeProgress } from "./snapshot-records.js";
import type { StorageError } from "./storage-error.js";
import type { StorageReport } from "./storage-report.js";

/** What an inspection of snapshots has found. */
export interface InspectedSnapshots extends Pick<StorageReport, "snapshots" | "incoming"> {
  readonly leftovers: number;
}

/** What the chunks of a snapshot are to add up to. */
interface Expected {
  readonly id: SnapshotId;
  readonly chunks: number;
  readonly bytes: bigint;
  readonly checksum: number;
}

/** Reads every snapshot and every chunk, one at a time, and sees to it that they add up. */
export async function inspectSnapshots(
  records: Records,
  report: (error: StorageError) => void,
): Promise<InspectedSnapshots> {
  const held: Snapshot[] = [];
  for await (const entries of records.entries({ gte: SNAPSHOTS_START, lt: SNAPSHOTS_END })) {
    for (const [key, sealed] of entries) {
      try {
        held.push(decodeHeader(records, key, sealed));
      } catch (error) {
        report(asProblem(error));
      }
    }
  }
  const incoming = await readIncoming(records, report);
  const expected: Expected[] = held.map((snapshot) => ({ id: snapshot, ...snapshot }));
  if (incoming !== undefined) {
    const { snapshot, next, bytes, checksum } = incoming;
    expected.push({ id: snapshot, chunks: next, bytes: BigInt(bytes), checksum });
  }
  const { whole, leftovers } = await inspectChunks(records, expected, report);
  const snapshots = held.map(({ seq, origin, chunks, bytes }, i) => {
    const isWhole = whole.has(expected[i] as Expected);
    return { seq: Number(seq), origin, chunks, bytes: Number(bytes), isWhole };
  });
  if (incoming === undefined) return { snapshots, leftovers };
  const { seq, origin, chunks } = incoming.snapshot;
  return { snapshots, incoming: { seq: Number(seq), origin, chunks, next: incoming.next }, leftovers };
}

async function readIncoming(
  records: Records,
  report: (error: StorageError) => void,
): Promise<Receiving | undefined> {
  try {
    const record = await records.get(INCOMING_KEY);
    if (record === undefined) return undefined;
    const incoming = decodeProgress(record);
    if (incoming === undefined) throw records.damaged(INCOMING_KEY);
    return incoming;
  } catch (error) {
    report(asProblem(error));
    return undefined;
  }
}

interface Sum {
  chunks: number;
  bytes: number;
  checksum: number;
}

async function inspectChunks(
  records: Records,
  expected: readonly Expected[],
  report: (error: StorageError) => void,
): Promise<{ whole: ReadonlySet<Expected>; leftovers: number }> {
  const sums = new Map<Expected, Sum>(expected.map((one) => [one, { chunks: 0, bytes: 0, checksum: 0 }]));
  let leftovers = 0;
  for await (const entries of records.entries({ gte: CHUNKS_START, lt: CHUNKS_END })) {
    for (const [key, sealed] of entries) {
      const place = parseChunkKey(key);
      const owner =
        place && expected.find(({ id }) => id.seq === place.id.seq && id.origin === place.id.origin);
      const sum = owner && sums.get(owner);
      try {
        const chunk = decodeChunk(records.unseal(key, sealed));
        if (place === undefined || chunk === undefined) throw records.damaged(key);
        if (owner === undefined || sum === undefined || place.index >= owner.chunks) {
          leftovers++;
          continue;
        }
        if (place.index !== sum.chunks) continue;
        sum.chunks++;
        sum.bytes += chunk.data.length;
        sum.checksum = crc32(chunk.data, sum.checksum);
        if (sum.checksum !== chunk.checksum) throw records.damaged(key);
      } catch (error) {
        report(asProblem(error));
      }
    }
  }
  const whole = new Set<Expected>();
  for (const [one, { chunks, bytes, checksum }] of sums) {
    const addsUp = chunks === one.chunks && BigInt(bytes) === one.bytes && checksum === one.checksum;
    if (addsUp) whole.add(one);
    else report(records.error(`the chunks of the snapshot ${describeSnapshot(one.id)} do not add up to it`));
  }
  return { whole, leftovers };
}
