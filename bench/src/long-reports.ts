// What the long benchmarks have measured, as tables beside their targets, or as JSON.
import { writeFile } from "node:fs/promises";
import type { LagResult } from "./lag.js";
import { plot, type Panel } from "./plot.js";
import { printJson, verdict } from "./report.js";
import { printRows } from "./table.js";
import type { RestResult } from "./rest.js";
import type { RestartResult } from "./restart.js";
import type { Sample, SoakResult } from "./soak.js";

const levelTarget = 15;
const restartTarget = 3;
const restTarget = 120;

export function reportLag(result: LagResult, json: boolean): void {
  if (json) return printJson(result);
  const { before, without, during, after, levelAfter, answersAfter, processorTime, bySnapshot } = result;
  console.log(
    `three servers, one of which misses ${result.missed} updates; load at half of the peak of ${result.peakPerSecond}/s\n`,
  );
  const windows = {
    "before it is killed": before,
    "without it": without,
    "while it catches up": during,
    afterwards: after,
  };
  printRows([
    ["", "seconds", "updates/s", "p50 ms", "p99 ms"],
    ...Object.entries(windows).map(([name, { seconds, perSecond, p50, p99 }]) => [
      name,
      seconds,
      perSecond,
      p50,
      p99,
    ]),
  ]);
  console.log(
    `\nanswers ${answersAfter.toFixed(2)} s after its start, level ${levelAfter.toFixed(2)} s after it, ` +
      `${bySnapshot ? "by a snapshot and the log" : "from the log alone"}; it has taken ${processorTime.toFixed(2)} s of processor time\n` +
      `target: level within ${levelTarget} s: ${verdict(levelAfter <= levelTarget)}; ` +
      `p99 does not double: ${verdict(during.p99 <= 2 * before.p99)}`,
  );
}

export function reportRestart(result: RestartResult, json: boolean): void {
  if (json) return printJson(result);
  const { starts, logSeqs, diskMiB } = result;
  const sorted = starts.toSorted((a, b) => a.serves - b.serves);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) return;
  console.log(
    `a node with ${result.updates} updates behind it, ${logSeqs} of them in its log, ${diskMiB.toFixed(1)} MiB on disk\n`,
  );
  const { node, modules, listens, leads, serves } = median;
  printRows([
    ["median of the starts", "seconds"],
    ["Node itself", node],
    ["the program's modules", modules - node],
    ["its store loaded, and listening", listens - modules],
    ["leads", leads - listens],
    ["the first update answered", serves - leads],
    ["in all", serves],
  ]);
  const all = sorted.map((start) => start.serves.toFixed(2)).join(", ");
  console.log(`\nall starts: ${all} s\ntarget: ${restartTarget} s: ${verdict(serves <= restartTarget)}`);
}

export async function reportSoak(result: SoakResult, json: boolean, file: string | undefined): Promise<void> {
  if (file !== undefined) await writeFile(file, plot(panelsOf(result.samples), { label: "updates ordered" }));
  if (json) return printJson(result);
  console.log(`${result.updates} updates in ${result.seconds.toFixed(0)} s, ${result.perSecond} updates/s\n`);
  const rows = { "data directory": result.disk, "resident memory": result.memory };
  printRows([
    ["MiB, the most of any node", "in all", "second third", "last third", "flat"],
    ...Object.entries(rows).map(([name, { most, secondThird, lastThird, flat }]) => [
      name,
      most,
      secondThird,
      lastThird,
      flat ? "yes" : "NO",
    ]),
  ]);
  if (file !== undefined) console.log(`\ncurves in ${file}`);
}

function panelsOf(samples: readonly Sample[]): Panel[] {
  const nodes = samples[0]?.disk.map((_, id) => id) ?? [];
  const curves = (value: (sample: Sample) => readonly number[]) =>
    nodes.map((id) => ({
      name: `node ${id}`,
      points: samples.map((sample) => [sample.updates, value(sample)[id] ?? 0] as const),
    }));
  return [
    { title: "data directory, MiB", curves: curves(({ disk }) => disk) },
    { title: "resident memory, MiB", curves: curves(({ memory }) => memory) },
  ];
}

export function reportRest(result: RestResult, json: boolean): void {
  if (json) return printJson(result);
  const { fresh, afterLoad, updates } = result;
  printRows([
    ["resident memory, MiB", ...fresh.map((_, id) => `node ${id}`)],
    ["10 s after the start", ...fresh],
    [`10 s after ${updates} updates`, ...afterLoad],
  ]);
  console.log(`\ntarget: below ${restTarget} at rest: ${verdict(Math.max(...fresh) < restTarget)}`);
}
