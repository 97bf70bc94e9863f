// The disk: what the storage package costs beside the bare writing of as many bytes.
import { askChild } from "../child.js";
import type { Part } from "../part.js";
import { medianOf } from "../statistics.js";
import type { StorageSample, StorageSetup } from "./storage-child.js";

const sizes = [1, 64, 512];
/** The size of a save that the target is about. */
const judged = 64;
const wanted = 0.7;

export const storage: Part = async ({ updateBytes, runs = 5, seconds = 2, onProgress }) => {
  const pairs = sizes.map((updates) => ({
    updates,
    storage: [] as StorageSample[],
    bare: [] as StorageSample[],
  }));
  for (let run = 1; run <= runs; run++) {
    for (const { updates, ...samples } of pairs) {
      // By turns who is first: what comes second finds a disk that is still busy.
      for (const what of run % 2 === 0 ? (["storage", "bare"] as const) : (["bare", "storage"] as const)) {
        const sample = await ask({ what, updates, updateBytes, seconds });
        samples[what].push(sample);
        onProgress(
          `run ${run} of ${runs}, ${updates} updates a save, ${what}: ${Math.round(sample.perSecond)} saves/s, p50 ${sample.p50.toFixed(2)} ms`,
        );
      }
    }
  }
  const ratioOf = (pair: (typeof pairs)[number]) =>
    // By pairs: the two were measured right after each other.
    medianOf(pair.storage.map(({ perSecond }, i) => perSecond / (pair.bare[i]?.perSecond ?? Number.NaN)));
  const rows = pairs.map((pair) => {
    const of = (what: "storage" | "bare", value: (sample: StorageSample) => number) =>
      medianOf(pair[what].map(value));
    const saves = of("storage", ({ perSecond }) => perSecond);
    return [
      `${pair.updates}`,
      saves * pair.updates,
      saves,
      of("bare", ({ perSecond }) => perSecond),
      ratioOf(pair),
      of("storage", ({ p50 }) => p50),
      of("bare", ({ p50 }) => p50),
      of("storage", ({ p99 }) => p99),
      of("bare", ({ p99 }) => p99),
      of("storage", ({ processor }) => processor),
      of("bare", ({ processor }) => processor),
    ];
  });
  const pair = pairs.find(({ updates }) => updates === judged);
  const ratio = pair === undefined ? Number.NaN : ratioOf(pair);
  return {
    part: "storage",
    command: `pnpm bench storage --runs ${runs} --seconds ${seconds}`,
    about:
      `@paxos/storage-level saves, one save after the other, each durable before the next; beside it a file to which as many bytes are appended and ` +
      `synced with fdatasync, in the same directory. A save is a sync. Updates of ${updateBytes} random bytes; each measurement is a process of its own; medians of ${runs} runs.`,
    tables: [
      {
        title: "Saves, beside bare append and fdatasync",
        columns: [
          "updates a save",
          "updates/s",
          "saves/s",
          "bare/s",
          "ratio",
          "p50, ms",
          "bare p50",
          "p99, ms",
          "bare p99",
          "processor, µs/save",
          "bare, µs",
        ],
        rows,
      },
    ],
    charts: [],
    targets: [
      {
        what: `storage, ${judged} updates a save`,
        wanted: `at least ${wanted} times bare append and fdatasync`,
        measured: `${ratio.toFixed(2)} times`,
        met: ratio >= wanted,
      },
    ],
  };
};

async function ask(setup: StorageSetup): Promise<StorageSample> {
  return (await askChild(new URL("./storage-child.js", import.meta.url), setup)) as StorageSample;
}
