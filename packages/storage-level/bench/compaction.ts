// Whether disk space comes back, what a compaction and a snapshot cost the saves beside them, and how long loading takes:
//   pnpm run bench:compaction [updates] [updates between snapshots] [updates per run] [runs per save] [MiB per snapshot]
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { Storage } from "@paxos/core";
import {
  EpochRecordSchema,
  PersistentStateSchema,
  ProposalSchema,
  StoredRunSchema,
  type StoredRun,
} from "@paxos/proto";
import { classicLevelStorage } from "../src/index.js";

const [updates = 2_000_000, interval = 100_000, perRun = 64, runsPerSave = 4, snapshotMiB = 10] = process.argv
  .slice(2)
  .map(Number);

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const epochRecord = create(EpochRecordSchema, { formatVersion: 1 });
const directory = await mkdtemp(join(tmpdir(), "paxos-storage-bench-"));

// What does not compress.
const noise = randomBytes(16 * 1024 * 1024);
const noiseAt = (at: number, size: number): Uint8Array =>
  noise.subarray(at % (noise.length - size)).subarray(0, size);

function makeRun(seq: number): StoredRun {
  const proposal = create(ProposalSchema, {
    view: 1n,
    seq: BigInt(seq),
    updates: Array.from({ length: perRun }, (_, i) => noiseAt((seq + i) * 100, 100)),
  });
  return create(StoredRunSchema, { formatVersion: 1, proposal });
}

async function directoryBytes(): Promise<number> {
  let bytes = 0;
  for (const file of await readdir(directory)) {
    bytes += await stat(join(directory, file)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

const MiB = 1024 * 1024;
const mebibytes = (bytes: number): string => `${(bytes / MiB).toFixed(0)} MiB`;
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(2)} s`;

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < snapshotMiB; i++) {
    yield Uint8Array.from(noiseAt(i * 1_234_567, MiB));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

let seq = 1;
let number = 0;
const slowest = { plain: 0, beside: 0 };
let peak = 0;

async function save(storage: Storage, kind: keyof typeof slowest): Promise<void> {
  const runs = Array.from({ length: runsPerSave }, (_, i) => makeRun(seq + i * perRun));
  seq += runsPerSave * perRun;
  number++;
  const fields = { formatVersion: 1, saveNumber: BigInt(number), localAru: BigInt(seq - 1) };
  const start = performance.now();
  await storage.save({ number, state: create(PersistentStateSchema, fields), runs, messages: [] });
  slowest[kind] = Math.max(slowest[kind], performance.now() - start);
}

/** Saves go on until the work is done. */
async function beside(storage: Storage, work: Promise<unknown>): Promise<void> {
  let done = false;
  const ended = work.finally(() => (done = true));
  while (!done) await save(storage, "beside");
  await ended;
}

try {
  const storage = classicLevelStorage({ directory });
  await storage.load();
  const start = performance.now();
  for (let next = interval; seq <= updates; next += interval) {
    while (seq <= next) await save(storage, "plain");
    const taking = performance.now();
    await beside(storage, storage.writeSnapshot({ seq: seq - 1, epochRecord, chunks: chunks() }));
    const taken = seconds(taking);
    peak = Math.max(peak, await directoryBytes());
    const compacting = performance.now();
    await beside(storage, storage.compact(next + 1, []));
    const compacted = seconds(compacting);
    const bytes = await directoryBytes();
    peak = Math.max(peak, bytes);
    print(
      `${seq - 1} updates: snapshot ${taken}, compaction ${compacted}, ${mebibytes(bytes)} on disk; slowest save ` +
        `${slowest.plain.toFixed(0)} ms, ${slowest.beside.toFixed(0)} ms beside these`,
    );
    [slowest.plain, slowest.beside] = [0, 0];
  }
  // The tail that a node finds when it starts.
  for (const end = seq + interval; seq < end;) await save(storage, "plain");
  await storage.close();
  print(
    `${number} saves in ${seconds(start)}, at most ${mebibytes(peak)} on disk, ${mebibytes(await directoryBytes())} at the end`,
  );
  for (const cache of ["first", "second"]) {
    const loading = performance.now();
    const reopened = classicLevelStorage({ directory });
    const { firstSeq = 1 } = await reopened.load();
    print(`loaded the ${cache} time in ${seconds(loading)}: ${seq - firstSeq} updates behind the snapshot`);
    await reopened.close();
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
