// What saving and reading cost on this machine's disk:  pnpm run bench [seconds per figure]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { Storage } from "@paxos/core";
import { PersistentStateSchema, ProposalSchema, StoredRunSchema, type StoredRun } from "@paxos/proto";
import { classicLevelStorage, MemoryStorage } from "../src/index.js";

const SECONDS = Number(process.argv[2] ?? 3);
const UPDATE = new Uint8Array(100).fill(7);

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

interface Writer {
  readonly storage: Storage;
  number: number;
  seq: number;
}

function makeRun(seq: number, count: number): StoredRun {
  const updates = Array.from({ length: count }, () => UPDATE);
  const proposal = create(ProposalSchema, { nodeId: 0n, view: 1n, seq: BigInt(seq), updates });
  return create(StoredRunSchema, { formatVersion: 1, epoch: 0n, proposal });
}

/** Saves, and gives the milliseconds that saving took; making the runs does not count. */
async function save(writer: Writer, runs: number, count: number): Promise<number> {
  const saved = Array.from({ length: runs }, (_, i) => makeRun(writer.seq + i * count, count));
  writer.seq += runs * count;
  writer.number++;
  const fields = { formatVersion: 1, saveNumber: BigInt(writer.number), localAru: BigInt(writer.seq - 1) };
  const state = create(PersistentStateSchema, fields);
  const start = performance.now();
  await writer.storage.save({ number: writer.number, state, runs: saved, messages: [] });
  return performance.now() - start;
}

async function saves(kind: string, make: () => Storage, runs: number, count: number): Promise<void> {
  const writer = { storage: make(), number: 0, seq: 1 };
  await writer.storage.load();
  let spent = 0;
  while (spent < SECONDS * 1000) spent += await save(writer, runs, count);
  const seconds = spent / 1000;
  await writer.storage.close();
  const perSecond = (n: number): string => Math.round(n / seconds).toLocaleString("en");
  const shape = `${runs} run${runs === 1 ? "" : "s"} of ${count}`;
  print(
    `${kind}: save, ${shape}: ${perSecond(writer.number)} saves/s, ${perSecond(writer.number * runs)} records/s, ` +
      `${perSecond(writer.seq - 1)} updates/s`,
  );
}

async function reads(kind: string, make: () => Storage, count: number): Promise<void> {
  const total = 1_000_000;
  const writer = { storage: make(), number: 0, seq: 1 };
  await writer.storage.load();
  while (writer.seq <= total) await save(writer, Math.ceil(4096 / count), count);
  const start = performance.now();
  let from = 1;
  while (from <= total) from += (await writer.storage.read(from, total, 1024 * 1024)).updates.length;
  const seconds = (performance.now() - start) / 1000;
  await writer.storage.close();
  const perSecond = Math.round(total / seconds).toLocaleString("en");
  print(
    `${kind}: read ${total} updates in chunks of 1 MiB, runs of ${count}: ${seconds.toFixed(2)} s, ${perSecond} updates/s`,
  );
}

const directory = await mkdtemp(join(tmpdir(), "paxos-storage-bench-"));
let made = 0;
const disk = (): Storage => classicLevelStorage({ directory: join(directory, String(made++)) });
const memory = (): Storage => new MemoryStorage();
try {
  for (const [kind, make] of [
    ["disk", disk],
    ["memory", memory],
  ] as const) {
    await saves(kind, make, 1, 1);
    await saves(kind, make, 64, 1);
    await saves(kind, make, 1, 512);
    await saves(kind, make, 8, 512);
    for (const count of [1, 64, 512]) await reads(kind, make, count);
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
