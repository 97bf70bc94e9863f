// One measurement of a disk: saves by the storage package, or the bare writing of as many bytes, one after the other.
import { randomFillSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  readonly seconds: number;
}

export interface StorageSample {
  /** Saves that became durable in a second. */
  readonly perSecond: number;
  /** Milliseconds of one. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time for one. */
  readonly processor: number;
}

const warmUpSeconds = 0.5;

process.once("message", (message) => void measure(message as StorageSetup));

async function measure(setup: StorageSetup): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "paxos-bench-storage-"));
  atExit(() => rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const { write, close } = await (setup.what === "storage" ? ofStorage : ofFile)(directory, setup);
  await repeat(write, warmUpSeconds);
  const before = process.cpuUsage();
  const took = await repeat(write, setup.seconds);
  const { user, system } = process.cpuUsage(before);
  await close();
  rmSync(directory, { recursive: true, maxRetries: 20, retryDelay: 50 });
  took.sort((a, b) => a - b);
  const result: StorageSample = {
    perSecond: (took.length * 1000) / took.reduce((sum, each) => sum + each, 0),
    p50: percentile(took, 0.5),
    p99: percentile(took, 0.99),
    processor: (user + system) / took.length,
  };
  process.send?.(result, () => process.exit());
}

/** Saves as the core makes them: a run of updates, and the state. */
async function ofStorage(directory: string, { updates, updateBytes }: StorageSetup) {
  const storage = classicLevelStorage({ directory: join(directory, "data") });
  await storage.load();
  let number = 0;
  const bytes = randomFillSync(new Uint8Array(updateBytes));
  const run = Array.from({ length: updates }, (_, i) =>
    encodeClientUpdate({ clientId: 2n ** 63n, nodeId: 0n, timestamp: BigInt(i + 1), update: bytes }),
  );
  return {
    write: () => {
      const seq = number++ * updates + 1;
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
