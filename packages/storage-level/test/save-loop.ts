// The child process of durability.test.ts: saves without end, and prints the number of each save once it is durable.
import { writeSync } from "node:fs";
import { classicLevelStorage } from "../src/index.js";
import { makeSave } from "./builders.js";

const [directory = ""] = process.argv.slice(2);
const storage = classicLevelStorage({ directory });
const { state } = await storage.load();
let number = Number(state?.saveNumber ?? 0n);
let aru = Number(state?.localAru ?? 0n);
for (;;) {
  number++;
  const count = 1 + (number % 7);
  // As a follower saves: what is accepted now is known as ordered at the next save.
  await storage.save(makeSave(number, aru, [{ seq: aru + 1, count, size: 50 }]));
  aru += count;
  writeSync(1, `${number}\n`);
}
