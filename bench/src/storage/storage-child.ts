// One side of a measurement of a disk: saves by the storage package, or the bare writing of as many bytes, one after the other.
// It is asked again and again, and told at last that it is over.
import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import type { Save } from "@paxos/core";
import { encodeClientUpdate, PersistentStateSchema, ProposalSchema, StoredRunSchema } from "@paxos/proto";
import { classicLevelStorage } from "@paxos/storage-level";
import { atExit } from "../clean-up.js";
import { percentile } from "../statistics.js";

export interface StorageSetup {
  readonly what: "storage" | "bare";
  /** Updates in one save. */
  readonly updates: number;
  readonly updateBytes: number;
}

/** Follows a {@link StorageSetup}: how long to write, or that it is over. */
export type StorageTurn = { readonly seconds: number } | { readonly over: true };

export interface StorageSample {
  /** Saves that became durable in a second. */
  readonly perSecond: number;
  /** Milliseconds of one. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time for one. */
  readonly processor: number;
}

/** So many different updates there are: LevelDB compresses, and what repeats within a block would weigh nothing. */
const different = 1024;

/** Nothing goes on in the background any more when, for so many milliseconds, hardly any processor time was spent. */
const quietMs = 20;
const quietMicros = 1000;

process.once("message", (message) => void begin(message as StorageSetup));

async function begin(setup: StorageSetup): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "paxos-bench-storage-"));
  const remove = (): void =>
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  atExit(remove);
  const { write, close } = await (setup.what === "storage" ? ofStorage : ofFile)(directory, setup);
  process.on("message", (turn: StorageTurn) => {
    if ("seconds" in turn) {
      void measure(write, turn.seconds).then((sample) => process.send?.(sample));
    } else {
      void close().then(() => {
        remove();
        process.send?.({}, () => process.exit());
      });
    }
  });
  process.send?.({});
}

/** What is left to do in the background is waited for, and counts: else it would burden who is next. */
async function measure(write: () => Promise<void>, seconds: number): Promise<StorageSample> {
  const before = process.cpuUsage();
  const began = performance.now();
  const took = await repeat(write, seconds);
  const ended = await quiet();
  const { user, system } = process.cpuUsage(before);
  took.sort((a, b) => a - b);
  return {
    perSecond: (took.length * 1000) / (ended - began),
    p50: percentile(took, 0.5),
    p99: percentile(took, 0.99),
    processor: (user + system) / took.length,
  };
}

/** Resolves with when this process did something for the last time. */
async function quiet(): Promise<number> {
  for (;;) {
    const now = performance.now();
    const before = process.cpuUsage();
    await setTimeout(quietMs);
    const { user, system } = process.cpuUsage(before);
    if (user + system < quietMicros) return now;
  }
}

/** Saves as the core makes them: a run of updates, and the state. */
async function ofStorage(directory: string, { updates, updateBytes }: StorageSetup) {
  const storage = classicLevelStorage({ directory: join(directory, "data") });
  await storage.load();
  let number = 0;
  const made = Array.from({ length: different }, (_, i) =>
    encodeClientUpdate({
      clientId: 2n ** 63n,
      nodeId: 0n,
      timestamp: BigInt(i + 1),
      update: randomFillSync(new Uint8Array(updateBytes)),
    }),
  );
  return {
    write: () => {
      const seq = number * updates + 1;
      const from = (number++ * updates) % different;
      const run = made.slice(from, from + updates);
      const proposal = create(ProposalSchema, { nodeId: 0n, view: 1n, seq: BigInt(seq), updates: run });
      const save: Save = {
        number,
        state: create(PersistentStateSchema, {
          formatVersion: 1,
          nodeCount: 3n,
          saveNumber: BigInt(number),
          localAru: BigInt(seq - 1),
        }),
        runs: [create(StoredRunSchema, { formatVersion: 1, proposal })],
        messages: [],
      };
      return storage.save(save);
    },
    close: () => storage.close(),
  };
}

/** Appends, and has the disk take it. */
async function ofFile(directory: string, { updates, updateBytes }: StorageSetup) {
  const file = await open(join(directory, "data"), "a");
  const sample = encodeClientUpdate({
    clientId: 2n ** 63n,
    nodeId: 0n,
    timestamp: 64n,
    update: new Uint8Array(updateBytes),
  });
  const bytes = randomFillSync(new Uint8Array(updates * (sample.length + 2)));
  return {
    write: async () => {
      await file.write(bytes);
      await file.datasync();
    },
    close: () => file.close(),
  };
}

async function repeat(write: () => Promise<void>, seconds: number): Promise<number[]> {
  const took: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let now = performance.now(); now < end;) {
    await write();
    const after = performance.now();
    took.push(after - now);
    now = after;
  }
  return took;
}
