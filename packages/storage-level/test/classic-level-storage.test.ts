import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ConfigError, type Storage } from "@paxos/core";
import { ClassicLevel } from "classic-level";
import { classicLevelStorage, LevelStorage, StorageError } from "../src/index.js";
import { makeRun, makeSave, texts, type RunFields } from "./builders.js";
import { testReception } from "./reception-suite.js";
import { testSnapshots } from "./snapshot-suite.js";
import { testStorage } from "./storage-suite.js";
import { temporaryDirectories } from "./temporary-directory.js";

const makeDirectory = temporaryDirectories();

describe("classicLevelStorage", () => {
  const make = async (): Promise<Storage> => classicLevelStorage({ directory: await makeDirectory() });
  testStorage(make);
  testSnapshots(make);
  testReception(make);
});

async function withStorage<T>(directory: string, use: (storage: Storage) => Promise<T>): Promise<T> {
  await using storage = classicLevelStorage({ directory });
  return await use(storage);
}

test("state, id and runs above the ARU are there after reopening", async () => {
  const directory = await makeDirectory();
  const runs: RunFields[] = [
    { seq: 1, count: 12 },
    { seq: 12, count: 1 },
    { seq: 11, count: 4, view: 1 },
    { seq: 13, count: 5, view: 3 },
    { seq: 14, count: 1, ordered: true, epoch: 2 ** 40, view: 2 ** 50 },
    { seq: 15, count: 2, view: 2 },
  ];
  const last = makeSave(2, 12, runs.slice(4));
  const storeId = await withStorage(directory, async (storage) => {
    const stored = await storage.load();
    await storage.save(makeSave(1, 0, runs.slice(0, 4)));
    await storage.save(last);
    return stored.storeId;
  });
  await withStorage(directory, async (storage) => {
    const stored = await storage.load();
    expect(stored.storeId).toBe(storeId);
    expect(stored.state).toEqual(last.state);
    expect(stored.runs).toEqual(runs.slice(2).map(makeRun));
    expect(texts((await storage.read(9, 12, 1000)).updates)).toEqual(["9@0.0", "10@0.0", "11@0.1", "12@0.1"]);
    await expect(storage.save(makeSave(4, 12, []))).rejects.toThrow(/both must be 3/);
  });
});

test("an id without any save is kept too", async () => {
  const directory = await makeDirectory();
  const first = await withStorage(directory, (storage) => storage.load());
  expect(await withStorage(directory, (storage) => storage.load())).toEqual(first);
});

test("makes the directory with those above it, for its owner alone", async () => {
  const above = join(await makeDirectory(), "a");
  const directory = join(above, "b");
  await withStorage(directory, (storage) => storage.load());
  const modes = [await stat(above), await stat(directory)].map(({ mode }) => mode & 0o777);
  expect(modes).toEqual(process.platform === "win32" ? [0o666, 0o666] : [0o700, 0o700]);
});

test("a directory in use is refused, and free again once closed", async () => {
  const directory = await makeDirectory();
  await withStorage(directory, async (storage) => {
    await storage.load();
    const refusal = withStorage(directory, (second) => second.load());
    await expect(refusal).rejects.toThrow(ConfigError);
    await expect(refusal).rejects.toThrow(`${directory} is in use already. Stop the process`);
  });
  await withStorage(directory, (storage) => storage.load());
});

test.each([
  ["a file", "file"],
  ["below a file", join("file", "below")],
])("%s is no directory", async (_, path) => {
  const above = await makeDirectory();
  await writeFile(join(above, "file"), "");
  const directory = join(above, path);
  const refusal = withStorage(directory, (storage) => storage.load());
  await expect(refusal).rejects.toThrow(ConfigError);
  await expect(refusal).rejects.toThrow(`${directory} is not a directory`);
});

// Windows has no permission bits of this kind.
if (process.platform !== "win32") {
  /** Permissions do not bind the superuser: be somebody else meanwhile. */
  const asSomebody = async (use: () => Promise<void>): Promise<void> => {
    const superuser = process.geteuid?.() === 0;
    if (superuser) process.seteuid?.(65534);
    try {
      await use();
    } finally {
      if (superuser) process.seteuid?.(0);
    }
  };

  test.each(["", "below"])("a directory without permission is refused (%p)", async (path) => {
    const above = await makeDirectory();
    await chmod(above, 0o500);
    const directory = join(above, path);
    await asSomebody(async () => {
      const refusal = withStorage(directory, (storage) => storage.load());
      await expect(refusal).rejects.toThrow(ConfigError);
      await expect(refusal).rejects.toThrow(
        new RegExp(`^${directory} cannot be used: .*permission denied`, "i"),
      );
    });
    await chmod(above, 0o700);
  });

  test.each([/log$/, /ldb$/, /^PAXOS$/, /^CURRENT$/])(
    "a file without permission is refused (%p)",
    async (pattern) => {
      const directory = await makeDirectory();
      for (let i = 0; i < 2; i++) await withStorage(directory, (storage) => storage.load());
      await chmod(directory, 0o777);
      for (const file of await readdir(directory))
        await chmod(join(directory, file), pattern.test(file) ? 0 : 0o666);
      await asSomebody(async () => {
        const refusal = withStorage(directory, (storage) => storage.load());
        await expect(refusal).rejects.toThrow(ConfigError);
        await expect(refusal).rejects.toThrow(/cannot be used: .*permission denied/i);
      });
    },
  );
}

test("a directory that LevelDB cannot open is an error that names it", async () => {
  const directory = await makeDirectory();
  await withStorage(directory, (storage) => storage.load());
  await writeFile(join(directory, "CURRENT"), "MANIFEST-999999\n");
  const refusal = withStorage(directory, (storage) => storage.load());
  await expect(refusal).rejects.toThrow(StorageError);
  await expect(refusal).rejects.toThrow(`${directory} cannot be opened`);
});

test("another program's database is refused", async () => {
  const directory = join(await makeDirectory(), "other");
  await mkdir(directory);
  await using db = new ClassicLevel(directory);
  await db.put("key", "value");
  await db.close();
  await expect(withStorage(directory, (storage) => storage.load())).rejects.toThrow(/Use an empty directory/);
});

test("reading takes time in proportion to what is read: 200,000 updates", async () => {
  let fetched = 0;
  const directory = await makeDirectory();
  const database = (): ClassicLevel<Uint8Array, Uint8Array> => {
    const db = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
      keyEncoding: "view",
      valueEncoding: "view",
    });
    const count = <T extends { nextv(size: number): Promise<unknown[]> }>(cursor: T): T => {
      const nextv = cursor.nextv.bind(cursor);
      cursor.nextv = async (size) => {
        const batch = await nextv(size);
        fetched += batch.length;
        return batch;
      };
      return cursor;
    };
    const iterator = db.iterator.bind(db);
    // Iterators of keys stand on these.
    db.iterator = ((options: object) => count(iterator(options))) as typeof db.iterator;
    return db;
  };
  await using storage = new LevelStorage({ name: directory, database });
  await storage.load();
  const last = 200_000;
  const runs = Array.from({ length: last / 50 }, (_, i) => ({ seq: 1 + i * 50, count: 50, size: 100 }));
  for (let number = 1; runs.length > 0; number++) {
    await storage.save(makeSave(number, runs.length > 500 ? 0 : last, runs.splice(0, 500)));
  }
  fetched = 0;
  let chunks = 0;
  let seq = 1;
  while (seq <= last) {
    const { updates } = await storage.read(seq, last, 1024 * 1024);
    expect(texts(updates.slice(0, 1))[0]).toMatch(new RegExp(`^${seq}@`));
    seq += updates.length;
    chunks++;
  }
  // Each of the 4,000 records once, and per chunk the keys of 4,095 seqs before it and a little read ahead.
  expect(chunks).toBe(20);
  expect(fetched).toBeGreaterThanOrEqual(4_000);
  expect(fetched).toBeLessThan(4_000 + chunks * (82 + 30));
});
