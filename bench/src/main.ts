// pnpm bench [core|cluster|lag|restart|soak|rest|rolling|change|reads]: see the README beside.
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { leastUpdateBytes } from "./acknowledged.js";
import { benchChange } from "./change.js";
import { benchCluster } from "./cluster.js";
import { benchCore, benchEncoding } from "./core.js";
import { benchLag } from "./lag.js";
import { reportLag, reportRest, reportRestart, reportSoak } from "./long-reports.js";
import { reportChange, reportRolling } from "./pause-reports.js";
import { printTable } from "./report.js";
import { benchReads, reportReads } from "./reads.js";
import { benchRest } from "./rest.js";
import { benchRestart } from "./restart.js";
import { benchRolling } from "./rolling.js";
import { benchSoak } from "./soak.js";
import { transportNames, type TransportName } from "./transports.js";

const benches = ["core", "cluster", "lag", "restart", "soak", "rest", "rolling", "change", "reads"] as const;

const flags = await yargs(hideBin(process.argv))
  .usage(`pnpm bench [${benches.join("|")}]`)
  .command("$0 [what]", "runs the benchmarks", (command) =>
    command.positional("what", { choices: benches, describe: "core and cluster when left out" }),
  )
  .option("seconds", {
    type: "number",
    default: 5,
    describe: "how long each measurement of the cluster takes",
  })
  .option("transport", {
    choices: transportNames,
    array: true,
    describe:
      "how servers and clients talk; of cluster repeatable, and both when left out; of the others tcp",
  })
  .option("size", { type: "number", default: 100, describe: "bytes of an update" })
  .option("in-flight", {
    type: "number",
    array: true,
    default: [1, 64, 256],
    describe: "updates under way at once, of cluster",
  })
  .option("updates", {
    type: "number",
    describe: "how many a follower misses (lag), lie behind a node (restart), or are ordered (soak, rest)",
  })
  .option("plot", { type: "string", describe: "the file for the curves of soak, an SVG" })
  .option("runs", { type: "number", describe: "how often, of rolling (5), change (10) and reads (3)" })
  .option("rate", {
    type: "number",
    default: 1_000,
    describe: "updates that are submitted in a second, of rolling and change",
  })
  .option("json", {
    type: "boolean",
    default: false,
    describe: "of all but core and cluster: JSON",
  })
  .check(({ what, size, runs }) => {
    const numbered = what === "rolling" || what === "change";
    if (numbered && size < leastUpdateBytes)
      throw new Error(
        `--size is ${size}; of ${what} it is ${leastUpdateBytes} or more, for updates have numbers`,
      );
    if (runs !== undefined && !(Number.isInteger(runs) && runs >= 1))
      throw new Error(`--runs is ${runs}; it is a whole number from 1 on`);
    return true;
  })
  .strict()
  .parseAsync();

const { size: updateBytes, json, updates, runs, rate: perSecond } = flags;
const [transport = "tcp"] = flags.transport ?? [];
const onProgress = (what: string) => void process.stderr.write(`${what}\n`);

switch (flags["what"] as (typeof benches)[number] | undefined) {
  case undefined:
    core();
    await cluster(flags.transport ?? transportNames);
    break;
  case "core":
    core();
    break;
  case "cluster":
    await cluster(flags.transport ?? transportNames);
    break;
  case "lag":
    reportLag(await benchLag({ transport, updateBytes, updates: updates ?? 200_000, onProgress }), json);
    break;
  case "restart":
    reportRestart(
      await benchRestart({ transport, updateBytes, updates: updates ?? 1_000_000, onProgress }),
      json,
    );
    break;
  case "soak": {
    const soak = await benchSoak({ transport, updateBytes, updates: updates ?? 300_000, onProgress });
    await reportSoak(soak, json, flags.plot);
    break;
  }
  case "rest":
    reportRest(await benchRest(transport, updates ?? 100_000, updateBytes), json);
    break;
  case "rolling":
    reportRolling(
      await benchRolling({ transport, updateBytes, perSecond, runs: runs ?? 5, onProgress }),
      json,
    );
    break;
  case "reads": {
    const { "in-flight": inFlight, seconds } = flags;
    reportReads(
      await benchReads({ transport, updateBytes, inFlight, seconds, runs: runs ?? 3, onProgress }),
      json,
    );
    break;
  }
  case "change":
    reportChange(
      await benchChange({ transport, updateBytes, perSecond, runs: runs ?? 10, onProgress }),
      json,
    );
    break;
}

function core(): void {
  const count = 200_000;
  benchCore(count / 4, updateBytes, false);
  const yardstick = benchEncoding(count, updateBytes);
  console.log(`core, three nodes in one process, updates of ${updateBytes} bytes\n`);
  const plain = benchCore(count, updateBytes, false);
  const encoded = benchCore(count, updateBytes, true);
  printTable([
    ["", "updates/s", "ratio"],
    ["messages handed over as they are", plain, plain / yardstick],
    ["messages encoded and decoded", encoded, encoded / yardstick],
    ["yardstick: a message encoded and decoded", yardstick, 1],
  ]);
}

async function cluster(transports: readonly TransportName[]): Promise<void> {
  for (const name of transports) {
    console.log(
      `\ncluster of three server processes on loopback over ${name}, storage on disk, updates of ${updateBytes} bytes\n`,
    );
    await benchCluster(name, flags.inFlight, flags.seconds, updateBytes);
  }
}
