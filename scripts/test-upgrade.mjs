// pnpm test:upgrade: a cluster of the commit before this one is upgraded to this one while it works, node by node.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildOnce } from "./build-once.mjs";
import { root } from "./run-tool.mjs";
import { recordCounts } from "./test-counts/counts.mjs";
import { describeHead, findBase, stepsToBuild } from "./upgrade/base.mjs";
import { Build } from "./upgrade/build.mjs";
import { Failure } from "./upgrade/failure.mjs";
import { freePorts } from "./free-ports.mjs";
import { killAll } from "./upgrade/processes.mjs";
import { NODES, upgrade } from "./upgrade/scenario.mjs";

const usage = `pnpm test:upgrade [--base REF] [--transport connect|tcp] [--keep]

Builds another commit beside this one, starts a cluster of three servers of it, and upgrades them node by node while
clients of both builds send updates. Nodes of either build lead the other's, one is taken back, some join and leave.
Every update that was acknowledged must stand once in every log, and nobody may complain.

--base       the commit to upgrade from; otherwise the one before the one that is checked out
--transport  over this one alone; otherwise over both, one after the other
--keep       leave the files, and say where they are

Exit status: 0 it works, or there is nothing to upgrade from; 1 it does not; 2 bad input.`;

const transports = ["connect", "tcp"];

const flags = readFlags();
if (flags.help) {
  console.log(usage);
  process.exit(0);
}
const base = await findBase(root, flags.base);
if ("why" in base) {
  console.error(`test:upgrade: ${base.why}`);
  process.exit(base.status);
}
const folder = mkdtempSync(join(tmpdir(), "paxos-upgrade-"));
// Whatever happens, nothing is left behind: what runs is ended, and what was made is removed.
process.on("exit", () => {
  killAll();
  if (flags.keep) console.log(`the files are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]));
}
const counts = { passed: 0, failed: 0 };
try {
  console.log(`from  ${base.title}\nto    ${await describeHead(root)}`);
  buildOnce("paxos-server", "paxos-client");
  const baseFolder = join(folder, "base");
  for (const [name, step] of stepsToBuild(root, base.commit, baseFolder)) {
    console.log(`      ${name}`);
    await step();
  }
  const [old, current] = [new Build("base", baseFolder), new Build("current", root)];
  const lacks = old.lacks;
  if (lacks.length > 0) {
    console.error(`test:upgrade: that commit is too old, it has no ${lacks.join(", no ")}: give a later one`);
    process.exitCode = 2;
  } else for (const transport of flags.transports) await runOver(transport, old, current);
} catch (error) {
  counts.failed++;
  console.error(`test:upgrade: ${error instanceof Error ? error.message : String(error)}`);
}
if (counts.failed > 0) process.exitCode = 1;
recordCounts("upgrade", counts);

/**
 * @param {string} transport
 * @param {Build} old
 * @param {Build} current
 */
async function runOver(transport, old, current) {
  console.log(`over ${transport}`);
  const own = join(folder, transport);
  mkdirSync(own);
  const started = performance.now();
  const say = (/** @type {string} */ step) => console.log(`      ${step}`);
  try {
    const ports = await freePorts(NODES);
    const { updates, warnings } = await upgrade({ old, current, transport, folder: own, ports, say });
    counts.passed++;
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(
      `ok    ${updates} updates, each once in every log, in ${seconds} s; ${warnings.length} warnings`,
    );
    for (const warning of new Set(warnings)) console.log(`      warning: ${warning}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    counts.failed++;
    console.log(`FAILED over ${transport}\n${error.message}`);
  } finally {
    killAll();
  }
}

function readFlags() {
  const refuse = (/** @type {string} */ why) => {
    console.error(`test:upgrade: ${why}; see pnpm test:upgrade --help`);
    process.exit(2);
  };
  const string = /** @type {const} */ ({ type: "string" });
  const boolean = /** @type {const} */ ({ type: "boolean", default: false });
  const options = { base: string, transport: string, keep: boolean, help: boolean };
  try {
    const { values } = parseArgs({ options });
    const { base, transport, keep, help } = values;
    if (transport !== undefined && !transports.includes(transport))
      refuse(`--transport is ${transport}; it must be ${transports.join(" or ")}`);
    return { base, keep, help, transports: transport === undefined ? transports : [transport] };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
