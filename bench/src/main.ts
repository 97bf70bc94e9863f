// pnpm bench PART: see the README beside.
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { leastUpdateBytes } from "./acknowledged.js";
import { longOnes } from "./long-ones.js";
import { MissingProgram } from "./missing-program.js";
import { parts } from "./parts.js";
import { printReport } from "./report.js";
import { describeMachine, readReports, writeResults } from "./results.js";
import { transportNames } from "./transports.js";

const flags = await yargs(hideBin(process.argv))
  .command("$0 <part>", "runs a benchmark", (command) =>
    command.positional("part", {
      choices: [...Object.keys(parts), ...Object.keys(longOnes), "results"],
      demandOption: true,
      describe: "which one",
    }),
  )
  .option("runs", { type: "number", describe: "how often everything is measured; medians are told" })
  .option("seconds", { type: "number", describe: "how long a measurement takes" })
  .option("size", { type: "number", default: 100, describe: "bytes of an update" })
  .option("in-flight", { type: "number", array: true, describe: "updates under way at once" })
  .option("transport", {
    choices: transportNames,
    array: true,
    describe: "how servers and clients talk; both when left out, or tcp where only one is measured",
  })
  .option("against", { choices: ["etcd"] as const, describe: "what is measured beside it, of cluster" })
  .option("updates", {
    type: "number",
    describe: "how many a follower misses (lag), lie behind (restart, growth), or are ordered (soak, rest)",
  })
  .option("plot", { type: "string", describe: "the file for the curves of soak, an SVG" })
  .option("rate", {
    type: "number",
    default: 1_000,
    describe: "updates that are submitted in a second, of rolling and change",
  })
  .option("from", {
    type: "string",
    describe: "of results: a folder of reports, made with --json, in place of measuring all anew",
  })
  .option("json", { type: "boolean", default: false, describe: "one JSON object in place of tables" })
  .check(({ part, size, runs, updates, seconds, "in-flight": inFlight }) => {
    const numbered = part === "rolling" || part === "change";
    if (numbered && size < leastUpdateBytes)
      throw new Error(
        `--size is ${size}; of ${String(part)} it is ${leastUpdateBytes} or more, for updates have numbers`,
      );
    for (const [name, value] of Object.entries({ runs, updates }))
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1))
        throw new Error(`--${name} is ${value}; it is a whole number from 1 on`);
    if (seconds !== undefined && !(seconds > 0)) throw new Error(`--seconds is ${seconds}; it is above 0`);
    for (const count of inFlight ?? [])
      if (!(Number.isSafeInteger(count) && count >= 1))
        throw new Error(`--in-flight is ${count}; it is a whole number from 1 on`);
    return true;
  })
  .strict()
  .parseAsync();

const { size: updateBytes, json, plot, rate: perSecond, ...rest } = flags;
const { updates, runs, transport: transports, "in-flight": inFlight, seconds, against } = rest;
const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
const options = { updateBytes, runs, seconds, inFlight, transports, updates, against, onProgress };

const name = flags["part"] as string;
const part = parts[name];
try {
  if (name === "results") await results();
  else if (part !== undefined) printReport(await part(options), json);
  else await longOnes[name]?.({ ...options, json, plot, perSecond });
} catch (error) {
  if (!(error instanceof MissingProgram)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

/** Measures everything, or takes what has been measured, and writes the page. */
async function results(): Promise<void> {
  const reports = flags.from === undefined ? [] : await readReports(flags.from, Object.keys(parts));
  if (flags.from === undefined) {
    for (const [each, measure] of Object.entries(parts)) {
      onProgress(`${each}:`);
      reports.push(await measure(options));
    }
  }
  const page = fileURLToPath(new URL("../RESULTS.md", import.meta.url));
  await writeResults(page, reports, describeMachine());
  onProgress(`written: ${page}`);
}
