// The disk: what the storage package costs beside the bare writing of as many bytes.
import { Child } from "../child.js";
import type { Part } from "../part.js";
import { medianOf } from "../statistics.js";
import type { StorageSample, StorageSetup, StorageTurn } from "./storage-child.js";

const sizes = [1, 64, 512];
/** The size of a save that the target is about. */
const judged = 64;
const wanted = 0.7;
const warmUpSeconds = 1;

type Side = StorageSetup["what"];

interface Pair {
  readonly updates: number;
  readonly storage: readonly StorageSample[];
  readonly bare: readonly StorageSample[];
}

export const storage: Part = async ({ updateBytes, runs = 10, seconds = 0.5, onProgress }) => {
  const pairs: Pair[] = [];
  for (const updates of sizes) {
    const samples = { storage: [] as StorageSample[], bare: [] as StorageSample[] };
    await withSides({ updates, updateBytes }, async (measure) => {
      // Code is compiled, and LevelDB has tables to merge.
      for (const side of ["storage", "bare"] as const) await measure(side, warmUpSeconds);
      for (let run = 1; run <= runs; run++) {
        // By turns who is first, too.
        const order: Side[] = run % 2 === 0 ? ["storage", "bare"] : ["bare", "storage"];
        for (const side of order) {
          const sample = await measure(side, seconds);
          samples[side].push(sample);
          onProgress(
            `${updates} updates a save, run ${run} of ${runs}, ${side}: ${Math.round(sample.perSecond)} saves/s, p50 ${sample.p50.toFixed(2)} ms`,
          );
        }
      }
    });
    pairs.push({ updates, ...samples });
  }
  const ratioOf = (pair: Pair) =>
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
      `synced with fdatasync, in the same directory. A save is a sync. Updates of ${updateBytes} random bytes; a process each, by turns, and what goes on in the background after a turn counts; medians of ${runs} runs of ${seconds} s.`,
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

/** Has both sides there, each in a process of its own, of which one is at work at a time. */
async function withSides(
  setup: Omit<StorageSetup, "what">,
  body: (measure: (side: Side, seconds: number) => Promise<StorageSample>) => Promise<void>,
): Promise<void> {
  const module = new URL("./storage-child.js", import.meta.url);
  const sides = { storage: new Child(module), bare: new Child(module) };
  try {
    for (const what of ["storage", "bare"] as const)
      await sides[what].ask({ ...setup, what } satisfies StorageSetup);
    await body(async (side, seconds) => {
      return (await sides[side].ask({ seconds } satisfies StorageTurn)) as StorageSample;
    });
    for (const side of [sides.storage, sides.bare]) await side.ask({ over: true } satisfies StorageTurn);
  } finally {
    sides.storage.end();
    sides.bare.end();
  }
}
