// The process of pnpm sim:planted: its streams, its signals, its end.
import { runProgram } from "./exit-status.js";
import { parsePlantedFlags, type PlantedFlags } from "./planted/flags.js";
import { recordSeeds } from "./planted/record.js";
import { allFound, listing, progressLine, searchReport } from "./planted/report.js";
import { search } from "./planted/search.js";

const { stdout, stderr } = process;

await runProgram("pnpm sim:planted", async (args) => {
  const flags = parsePlantedFlags(args);
  if (typeof flags === "string") stdout.write(`${flags}\n`);
  else if (flags.list) stdout.write(`${listing(flags.bugs).join("\n")}\n`);
  else return find(flags);
  return true;
});

/** True when all were found. */
async function find({ bugs, plan, json, record }: PlantedFlags): Promise<boolean> {
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => interrupt.abort());
  const current = new Map<string, number>();
  let done = 0;
  let shownAt = 0;
  const show = () => {
    if (!stderr.isTTY || performance.now() - shownAt < 100) return;
    shownAt = performance.now();
    stderr.write(`\r\x1b[2K${progressLine(done, bugs.length, current, stderr.columns)}`);
  };
  const results = await search(bugs, plan, interrupt.signal, {
    onSeed: (bug, seeds) => {
      current.set(bug.name, seeds);
      show();
    },
    onResult: (result) => {
      done++;
      current.delete(result.bug);
      if (json) stdout.write(`${JSON.stringify(result)}\n`);
      show();
    },
  });
  if (stderr.isTTY) stderr.write("\r\x1b[2K");
  const columns = stdout.isTTY ? stdout.columns : undefined;
  if (!json) stdout.write(`${searchReport(results, { known: plan.known, columns }).join("\n")}\n`);
  if (record) stderr.write(`${recordSeeds(results)} seeds in the catalogue changed\n`);
  return allFound(results, bugs);
}
