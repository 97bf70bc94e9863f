// The stores whose files are damaged.
import { Historian, type Truth } from "./history.js";

/** How a store was made. */
export type StoreKind = keyof typeof makers;

export const storeKinds = ["young", "grown", "tables", "long-log"] as const satisfies readonly StoreKind[];

const makers = {
  /** Opened once: everything is in LevelDB's log. Two leaders have proposed for seqs 3 to 6. */
  young: async (historian: Historian): Promise<void> => {
    await historian.session(async (storage) => {
      await historian.save(storage, 0, [{ seq: 1, count: 6, view: 1 }]);
      await historian.save(storage, 2, [{ seq: 3, count: 4, view: 4 }]);
      await historian.save(storage, 4, [{ seq: 7, count: 2, view: 4 }]);
      await historian.save(storage, 7, []);
    });
  },
  /** With tables and a log; a snapshot of its own, one installed, and one on its way in; compacted, and with leftovers. */
  grown: async (historian: Historian): Promise<void> => {
    await historian.session(async (storage) => {
      await historian.save(storage, 0, [{ seq: 1, count: 10, view: 1 }]);
      await historian.save(storage, 10, [{ seq: 11, count: 10, view: 1 }]);
      await historian.writeSnapshot(storage, 10, 2);
      await historian.save(storage, 15, [{ seq: 16, count: 8, view: 2 }]);
      await historian.compact(storage, 8);
    });
    await historian.session(async (storage) => {
      await historian.save(storage, 20, [{ seq: 18, count: 9, view: 3 }]);
      const snapshot = await historian.receive(storage, 40, 3, 3);
      await historian.save(storage, 40, [{ seq: 39, count: 4, view: 5 }], snapshot);
      await historian.compact(storage, 41);
      await historian.save(storage, 42, [{ seq: 43, count: 3, view: 5 }]);
    });
    await historian.session(async (storage) => {
      await historian.save(storage, 44, [{ seq: 44, count: 6, view: 6 }]);
      await historian.save(storage, 48, [{ seq: 50, count: 3, view: 6 }]);
      await historian.writeSnapshot(storage, 47, 3);
      await historian.compact(storage, 44);
      await historian.save(storage, 50, [{ seq: 53, count: 2, ordered: true }]);
      await historian.receive(storage, 70, 4, 2);
      await historian.save(storage, 51, []);
    });
  },
  /** LevelDB's log has several blocks: of a damaged one, what follows is dropped up to the next. */
  "long-log": makeLong,
  /** The same in tables of several blocks. */
  tables: async (historian: Historian): Promise<void> => {
    await makeLong(historian);
    await historian.session(
      async (storage) => await historian.save(storage, 64, [{ seq: 71, count: 2, view: 3 }]),
    );
  },
};

async function makeLong(historian: Historian): Promise<void> {
  await historian.session(async (storage) => {
    await historian.save(storage, 0, [{ seq: 1, count: 4, view: 1, size: 300 }]);
  });
  await historian.session(async (storage) => {
    for (let seq = 5; seq < 60; seq += 4) {
      await historian.save(storage, seq - 1, [{ seq, count: 4, view: 1, size: 400 }]);
      if (seq === 25) await historian.writeSnapshot(storage, 20, 3);
      if (seq === 41) await historian.compact(storage, 15);
      // Two ballots at the same seqs: the loss of the higher one must not bring back the lower one.
      if (seq === 49)
        await historian.save(storage, seq - 1, [{ seq: seq + 2, count: 3, view: 2, size: 900 }]);
    }
    for (let i = 0; i < 10; i++) {
      await historian.save(storage, 60 + (i >> 2), [{ seq: 61 + i, count: 1, view: 3, size: 1500 }]);
    }
  });
}

/** Makes a store in a directory, and gives what it must hold. */
export async function makeStore(kind: StoreKind, directory: string): Promise<Truth> {
  const historian = new Historian(directory);
  await makers[kind](historian);
  return historian.truth;
}
