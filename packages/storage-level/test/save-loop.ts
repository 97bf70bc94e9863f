// The child process of durability.test.ts: saves without end, and prints the number of each save once it is durable. Beside that
// it takes snapshots, and compacts the log up to 20 updates before each.
import { writeSync } from "node:fs";
import { classicLevelStorage } from "../src/index.js";
import { makeSave } from "./builders.js";
import { makeDraft, piecesOf } from "./snapshots.js";

const [directory = ""] = process.argv.slice(2);
const storage = classicLevelStorage({ directory });
const stored = await storage.load();
const { state } = stored;
let number = Number(state?.saveNumber ?? 0n);
let aru = Number(state?.localAru ?? 0n);
let latest = Number(stored.snapshots?.at(-1)?.seq ?? 0n);
let beside: Promise<void> | undefined;

async function snapshotAndCompact(seq: number): Promise<void> {
  await storage.writeSnapshot(makeDraft(seq, piecesOf(`at ${seq}`, 3)));
  latest = seq;
  await storage.compact(Math.max(1, seq - 20), []);
}

for (;;) {
  if (aru > latest + 50) beside ??= snapshotAndCompact(aru - 10).finally(() => (beside = undefined));
  number++;
  const count = 1 + (number % 7);
  // As a follower saves: what is accepted now is known as ordered at the next save.
  await storage.save(makeSave(number, aru, [{ seq: aru + 1, count, size: 50 }]));
  aru += count;
  writeSync(1, `${number}\n`);
}
