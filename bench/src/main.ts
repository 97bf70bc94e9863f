// pnpm bench [core|cluster]: see the README beside.
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { benchCluster } from "./cluster.js";
import { benchCore, benchEncoding } from "./core.js";
import { printTable } from "./report.js";
import { transportNames } from "./transports.js";

const flags = await yargs(hideBin(process.argv))
  .usage("pnpm bench [core|cluster]")
  .command("$0 [what]", "runs the benchmarks", (command) =>
    command.positional("what", { choices: ["core", "cluster"] as const, describe: "all when left out" }),
  )
  .option("seconds", {
    type: "number",
    default: 5,
    describe: "how long each measurement of the cluster takes",
  })
  .option("transport", {
    choices: transportNames,
    array: true,
    default: transportNames,
    describe: "how servers and clients of the cluster talk; repeatable",
  })
  .option("size", { type: "number", default: 100, describe: "bytes of an update" })
  .option("in-flight", {
    type: "number",
    array: true,
    default: [1, 64, 256],
    describe: "updates under way at once",
  })
  .strict()
  .parseAsync();

if (flags["what"] !== "cluster") {
  const updates = 200_000;
  benchCore(updates / 4, flags.size, false);
  const yardstick = benchEncoding(updates, flags.size);
  console.log(`core, three nodes in one process, updates of ${flags.size} bytes\n`);
  const plain = benchCore(updates, flags.size, false);
  const encoded = benchCore(updates, flags.size, true);
  printTable([
    ["", "updates/s", "ratio"],
    ["messages handed over as they are", plain, plain / yardstick],
    ["messages encoded and decoded", encoded, encoded / yardstick],
    ["yardstick: a message encoded and decoded", yardstick, 1],
  ]);
}
if (flags["what"] !== "core") {
  for (const transport of flags.transport) {
    console.log(
      `\ncluster of three server processes on loopback over ${transport}, storage on disk, updates of ${flags.size} bytes\n`,
    );
    await benchCluster(transport, flags.inFlight, flags.seconds, flags.size);
  }
}
