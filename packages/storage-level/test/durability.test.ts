import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";
import { classicLevelStorage } from "../src/index.js";
import { seededRandom, texts } from "./builders.js";
import { piecesOf, readChunks, withChecksums } from "./snapshots.js";
import { temporaryDirectories } from "./temporary-directory.js";

const makeDirectory = temporaryDirectories();
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function path(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** Lets a child save until it has printed so many saves, kills it, and gives the last one that it printed. */
async function saveAndKill(
  directory: string,
  saves: number,
  whileItRuns?: () => Promise<void>,
): Promise<number> {
  const options = [
    "--conditions=@paxos/source",
    "--disable-warning=DEP0205",
    "--import",
    new URL("register-typescript.mjs", import.meta.url).href,
  ];
  const child = spawn(process.execPath, [...options, path("save-loop.ts"), directory], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const exited = once(child, "close");
  let printed = 0;
  let last = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    printed++;
    if (printed === 1) await whileItRuns?.();
    if (printed === saves) child.kill("SIGKILL");
  }
  const [, signal] = (await exited) as [number | null, string | null];
  expect({ signal, errors }).toEqual({ signal: "SIGKILL", errors: "" });
  return last;
}

test("what was durable before kill -9 is there afterwards", async () => {
  const directory = await makeDirectory();
  const random = seededRandom(2);
  const ids = new Set<bigint>();
  const begins: number[] = [];
  for (let round = 0; round < 4; round++) {
    const printed = await saveAndKill(directory, 20 + random(400));
    await using storage = classicLevelStorage({ directory });
    const { storeId, state, runs, snapshots = [], firstSeq = 1 } = await storage.load();
    ids.add(storeId);
    // The save under way when it died may have become durable as well; no other can have.
    const number = Number(state?.saveNumber ?? 0n);
    expect([printed, printed + 1]).toContain(number);
    const aru = Number(state?.localAru ?? 0n);
    expect(runs).toHaveLength(1);
    expect(runs[0]?.proposal).toMatchObject({ seq: BigInt(aru + 1) });
    expect(runs[0]?.proposal?.updates).toHaveLength(1 + (number % 7));
    const { updates } = await storage.read(firstSeq, aru, Number.MAX_SAFE_INTEGER);
    expect(texts(updates)).toEqual(
      Array.from({ length: aru - firstSeq + 1 }, (_, i) => `${firstSeq + i}@0.0`.padEnd(50, "-")),
    );
    for (const snapshot of snapshots) {
      expect(await readChunks(storage, snapshot, 3)).toEqual(
        withChecksums(piecesOf(`at ${snapshot.seq}`, 3)),
      );
    }
    begins.push(firstSeq);
  }
  // It was in the midst of compacting, too.
  expect(begins.at(-1)).toBeGreaterThan(20);
  expect(ids.size).toBe(1);
}, 120_000);

test("a directory in use by another process is refused", async () => {
  const directory = await makeDirectory();
  await saveAndKill(directory, 5, async () => {
    // Its files change meanwhile, which is not to be taken for damage.
    for (let attempt = 0; attempt < 20; attempt++) {
      await using storage = classicLevelStorage({ directory });
      const refusal = storage.load();
      await expect(refusal).rejects.toThrow(ConfigError);
      await expect(refusal).rejects.toThrow(`${directory} is in use already`);
    }
  });
  // Nor has it been disturbed.
  await using storage = classicLevelStorage({ directory });
  const { state } = await storage.load();
  expect(Number(state?.saveNumber)).toBeGreaterThanOrEqual(5);
}, 120_000);
