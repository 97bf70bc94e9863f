// The process of pnpm sim:planted: its streams, its signals, its end.
import { parsePlantedFlags, type PlantedFlags } from "./planted/flags.js";
import { recordSeeds } from "./planted/record.js";
import { allFound, listing, progressLine, searchReport } from "./planted/report.js";
import { search } from "./planted/search.js";
import { UsageError } from "./usage-error.js";

const { stdout, stderr } = process;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const flags = parsePlantedFlags(args);
    if (typeof flags === "string") {
      stdout.write(`${flags}\n`);
      return 0;
    }
    if (flags.list) {
      stdout.write(`${listing(flags.bugs).join("\n")}\n`);
      return 0;
    }
    return await find(flags);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`sim:planted: ${error.message}\n`);
    return 2;
  }
}

async function find({ bugs, plan, json, record }: PlantedFlags): Promise<number> {
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
  return allFound(results, bugs) ? 0 : 1;
}
