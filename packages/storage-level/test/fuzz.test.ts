// A slice of what `pnpm run fuzz` does with the files of a store.
import { expect, test } from "@jest/globals";
import { fuzz } from "../fuzz/run.js";
import { storeKinds } from "../fuzz/stores.js";

test.each(storeKinds)(
  "a damaged store gives an error, or what it held: %s",
  async (kind) => {
    const { counts, wrong } = await fuzz({ kind, processes: 1, limit: 50, offset: 41 });
    expect(wrong).toEqual([]);
    // All of it took place.
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(50);
  },
  60_000,
);
