import { describe, expect, test } from "@jest/globals";
import { MemoryLevel } from "memory-level";
import { LevelStorage, StorageError } from "../src/index.js";
import { makeSave } from "./builders.js";
import { FaultyLevel } from "./faulty-level.js";
import { testReception } from "./reception-suite.js";
import { testSnapshots } from "./snapshot-suite.js";
import { testStorage } from "./storage-suite.js";

describe("LevelStorage on memory-level", () => {
  const make = async (): Promise<LevelStorage> => {
    const database = () =>
      new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: "view", valueEncoding: "view" });
    return new LevelStorage({ name: "memory-level", database });
  };
  testStorage(make);
  testSnapshots(make);
  testReception(make);
});

async function openFaulty(): Promise<{ db: FaultyLevel; storage: LevelStorage }> {
  const db = new FaultyLevel();
  const storage = new LevelStorage({ name: "faulty", database: () => db });
  await storage.load();
  return { db, storage };
}

test("creation and each save are one synced batch", async () => {
  const { db, storage } = await openFaulty();
  expect(db.batches).toEqual([{ records: 2, sync: true }]);
  await storage.save(
    makeSave(1, 0, [
      { seq: 1, count: 5 },
      { seq: 6, count: 5 },
    ]),
  );
  await storage.save(makeSave(2, 0, []));
  expect(db.batches.slice(1)).toEqual([
    { records: 4, sync: true },
    { records: 2, sync: true },
  ]);
  await storage.close();
});

test("after a failed save every further save fails with the first cause", async () => {
  const { db, storage } = await openFaulty();
  await storage.save(makeSave(1, 1, [{ seq: 1, count: 1 }]));
  db.failure = new Error("no space left on device");
  const first = await storage.save(makeSave(2, 2, [{ seq: 2, count: 1 }])).catch((error: unknown) => error);
  expect(first).toBeInstanceOf(StorageError);
  expect((first as StorageError).message).toBe("cannot save to faulty: no space left on device");
  db.failure = undefined;
  await expect(storage.save(makeSave(2, 2, []))).rejects.toBe(first);
  await expect(storage.save(makeSave(3, 2, []))).rejects.toBe(first);
  expect(db.batches).toHaveLength(3);
  // What was durable before is still served.
  expect((await storage.read(1, 1, 100)).updates).toHaveLength(1);
  await storage.close();
});

test("close waits for the save under way", async () => {
  const { db, storage } = await openFaulty();
  let openGate = (): void => undefined;
  db.gate = new Promise((resolve) => (openGate = resolve));
  const events: string[] = [];
  const saved = storage.save(makeSave(1, 0, [])).then(() => events.push("saved"));
  const closed = storage.close().then(() => events.push("closed"));
  // Nothing but the gate holds the database up: after this turn of the event loop it would have closed.
  await new Promise((resolve) => setImmediate(resolve));
  expect(db.status).toBe("open");
  openGate();
  await Promise.all([saved, closed]);
  expect(events).toEqual(["saved", "closed"]);
  expect(db.status).toBe("closed");
});

test("a read under way when the storage closes is finished", async () => {
  const { storage } = await openFaulty();
  await storage.save(makeSave(1, 300, [{ seq: 1, count: 300 }]));
  const reading = storage.read(1, 300, 1_000_000);
  await storage.close();
  expect((await reading).updates).toHaveLength(300);
});
