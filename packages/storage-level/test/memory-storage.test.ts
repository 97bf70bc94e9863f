import { describe, expect, test } from "@jest/globals";
import { MemoryStorage } from "../src/index.js";
import { makeSave, texts } from "./builders.js";
import { testReception } from "./reception-suite.js";
import { testSnapshots } from "./snapshot-suite.js";
import { testStorage } from "./storage-suite.js";

describe("MemoryStorage", () => {
  testStorage(async () => new MemoryStorage());
  testSnapshots(async () => new MemoryStorage());
  testReception(async () => new MemoryStorage());
});

test("what was read may be changed without changing what is stored", async () => {
  await using storage = new MemoryStorage();
  await storage.load();
  await storage.save(makeSave(1, 2, [{ seq: 1, count: 2 }]));
  const { updates } = await storage.read(1, 2, 1000);
  updates.forEach((update) => update.fill(0));
  expect(texts((await storage.read(1, 2, 1000)).updates)).toEqual(["1@0.0", "2@0.0"]);
});
