// Crashes between any two batches of the database, against a model. A crash leaves the first batches that were written: all of
// those that had been waited for, and some of those of the operation under way.
import { expect, test } from "@jest/globals";
import { LevelStorage } from "../src/index.js";
import { seededRandom } from "./builders.js";
import { CrashingLevel } from "./crashing-level.js";
import { makeOperations, step } from "./random-operations.js";
import { checkLoaded, emptyModel, type Model } from "./storage-model.js";

function storageOn(level: CrashingLevel): LevelStorage {
  return new LevelStorage({ name: "crashing", database: () => level });
}

/** Opens what a crash has left, and gives what is there: what one of two models says. */
async function recover(level: CrashingLevel, before: Model, doing: Model): Promise<[LevelStorage, Model]> {
  const storage = storageOn(level);
  return [storage, await checkLoaded(storage, await storage.load(), before, doing)];
}

async function withSeed<T>(seed: number, run: (seed: number) => Promise<T>): Promise<T> {
  return await run(seed).catch((error: unknown) => {
    throw new Error(`seed ${seed}`, { cause: error });
  });
}

/** Operations, and now and then a crash in one of them, after which it goes on with what was left. Gives the last model. */
async function crashAtTimes(seed: number): Promise<Model> {
  const random = seededRandom(-seed);
  let level = new CrashingLevel();
  let [storage, model] = await recover(level, emptyModel, emptyModel);
  const operations = makeOperations(storage, seed);
  for (let i = 0; i < 60; i++) {
    const { length } = level.batches;
    const doing = await step(operations, model);
    if (random(4) > 0) {
      model = doing;
      continue;
    }
    level = await level.after(length + random(level.batches.length - length + 1));
    [storage, model] = await recover(level, model, doing);
    operations.storage = storage;
  }
  const [, last] = await recover(await level.after(level.batches.length), model, model);
  return last;
}

/** Operations, and then a crash after each of the batches that they took. Gives how many those were. */
async function crashEverywhere(seed: number): Promise<number> {
  const level = new CrashingLevel();
  const [storage] = await recover(level, emptyModel, emptyModel);
  const operations = makeOperations(storage, seed);
  const models: Model[] = Array.from(level.batches, () => emptyModel);
  let model = emptyModel;
  for (let i = 0; i < 40; i++) {
    const before = model;
    model = await step(operations, before);
    // models[n] is what was there before the operation that wrote batch n + 1.
    while (models.length < level.batches.length) models.push(before);
  }
  for (let count = 1; count < models.length; count++) {
    const before = models[count] ?? model;
    const doing = models.slice(count).find((later) => later !== before) ?? model;
    await recover(await level.after(count), before, doing);
  }
  return models.length;
}

const seedsPerTest = 12;

test.each([0, 1, 2, 3])("crashes in random operations, seeds from %d * 12 on", async (block) => {
  let saves = 0;
  for (let i = 0; i < seedsPerTest; i++) {
    saves += (await withSeed(1 + block * seedsPerTest + i, crashAtTimes)).number;
  }
  expect(saves).toBeGreaterThan(12 * seedsPerTest);
});

test("a crash after every single batch of random operations", async () => {
  let crashes = 0;
  for (let seed = 1; seed <= 6; seed++) crashes += await withSeed(seed, crashEverywhere);
  expect(crashes).toBeGreaterThan(200);
});

test("without a store there is none; with its first batch there is", async () => {
  const level = new CrashingLevel();
  const { storeId } = await storageOn(level).load();
  expect(level.batches).toHaveLength(1);
  expect((await storageOn(await level.after(1)).load()).storeId).toBe(storeId);
  expect((await storageOn(await level.after(0)).load()).storeId).not.toBe(storeId);
});
