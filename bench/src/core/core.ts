// The core alone: what the protocol costs, without codec, disk and network.
import { askChild } from "../child.js";
import type { Part } from "../part.js";
import { medianOf } from "../statistics.js";
import { roomyHeap, type CoreSetup } from "./core-child.js";

const sizes = [3, 5, 7];
const wanted = 1_000_000;

export const core: Part = async ({ updateBytes, runs = 5, inFlight = [1, 64, 1024], onProgress }) => {
  const setups = sizes.flatMap((nodes) => inFlight.map((count) => ({ nodes, inFlight: count, updateBytes })));
  const rates = new Map(setups.map((setup) => [setup, [] as number[]]));
  for (let run = 1; run <= runs; run++) {
    for (const [setup, samples] of rates) {
      const perSecond = await ask({ measure: "updates per second", ...setup });
      samples.push(perSecond);
      onProgress(
        `run ${run} of ${runs}, ${setup.nodes} nodes, ${setup.inFlight} in flight: ${Math.round(perSecond)} updates/s`,
      );
    }
  }
  const rows: (string | number)[][] = [];
  for (const [setup, samples] of rates) {
    const perSecond = medianOf(samples);
    const perUpdate = 1e9 / perSecond;
    const allocated = await ask({ measure: "bytes per update", ...setup }, roomyHeap);
    rows.push([
      `${setup.nodes}`,
      `${setup.inFlight}`,
      perSecond,
      perUpdate,
      perUpdate / setup.nodes,
      allocated,
    ]);
  }
  const most = Math.max(...inFlight);
  const peaks = [...rates].filter(([{ nodes, inFlight: count }]) => nodes === 3 && count === most);
  const peak = Math.round(medianOf(peaks.flatMap(([, samples]) => samples)));
  return {
    part: "core",
    command: `pnpm bench core --runs ${runs}`,
    about:
      `All nodes of a cluster in one process, on one core: messages are handed over in memory, saves are durable at once, ` +
      `updates of ${updateBytes} bytes. Each measurement is a process of its own; medians of ${runs} runs.`,
    tables: [
      {
        title: "The core alone",
        columns: [
          "nodes",
          "in flight",
          "updates/s",
          "ns/update",
          "ns/update and node",
          "bytes allocated/update",
        ],
        rows,
      },
    ],
    charts: [],
    targets: [
      {
        what: `core, 3 nodes in one process, ${most} in flight`,
        wanted: `${wanted.toLocaleString("en-US")} updates/s`,
        measured: `${peak.toLocaleString("en-US")} updates/s`,
        met: peak >= wanted,
      },
    ],
  };
};

async function ask(setup: CoreSetup, execArgv?: readonly string[]): Promise<number> {
  return (await askChild(new URL("./core-child.js", import.meta.url), setup, execArgv)) as number;
}
