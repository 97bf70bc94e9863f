// pnpm test:network: the process-level tests of apps/server on a network that is slow, loses packets, and whose cables
// are cut: three hosts and one for the clients, in network namespaces. Needs Linux and root; says so, and ends with status
// 0, where that is not to be had.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildOnce } from "./build-once.mjs";
import { delayMs, hostNames, lossPercent } from "./network/conditions.mjs";
import { findLan, makeHosts } from "./network/lan.mjs";
import { inside, namespaceOf, removeAbandoned, removeOwn } from "./network/namespaces.mjs";
import { root } from "./run-tool.mjs";

const usage = `pnpm test:network [--transport connect|tcp] [--must-run] [FILE...]

Runs the tests of apps/server with real processes on hosts in network namespaces: each packet takes ${delayMs} ms to the
next host, ${lossPercent} % of them are lost. FILE: part of the name of a test file.

--transport  run over this one alone; otherwise over all, one after the other
--must-run   fail, rather than skip, where namespaces are not allowed`;

/** Round trips of 100 ms, and lost packets that are noticed after several: deadlines for loopback are multiplied by this. */
const slowness = 5;

const transports = ["connect", "tcp"];
const processTests = ["test/(cluster|cut-cable|failover|process|readme)[.]test"];

const server = join(root, "apps", "server");
const jest = join(server, "node_modules", "jest", "bin", "jest.js");

/**
 * Runs the tests over one transport, on the host that is theirs.
 *
 * @param {string} transport
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} args of jest
 */
async function runTests(transport, env, args) {
  console.log(`\nover the transport ${transport}`);
  const flags = ["--experimental-vm-modules", "--no-warnings", jest, "--runInBand", "--verbose"];
  const [program = "", ...rest] = [...inside(namespaceOf("tests")), process.execPath, ...flags, ...args];
  const tests = spawn(program, rest, {
    cwd: server,
    env: { ...process.env, ...env, PAXOS_TRANSPORT: transport },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [status, signal] = /** @type {[number | null, NodeJS.Signals | null]} */ (await once(tests, "exit"));
  if (signal !== null) console.log(`the tests were ended by ${signal}`);
  return status === 0;
}

const { values, positionals } = readFlags();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const lan = findLan();
if ("obstacle" in lan) {
  const mustRun = values["must-run"];
  console.log(`pnpm test:network: ${mustRun ? "failed" : "skipped"}: ${lan.obstacle}`);
  process.exit(mustRun ? 1 : 0);
}
buildOnce("paxos-server", "paxos-client");

// Whatever happens, nothing is left behind: what runs is ended, and what was made is removed.
const directory = mkdtempSync(join(tmpdir(), "paxos-network-"));
process.on("exit", () => {
  removeOwn();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]));
}
removeAbandoned();

const hosts = await makeHosts(lan.connect, directory);
console.log(`${hostNames.length} hosts; ${delayMs} ms, ${lossPercent} % loss; ${hosts.description}`);
const env = { TMPDIR: directory, PAXOS_TEST_HOSTS: JSON.stringify({ ...hosts.network, slowness }) };
const failed = [];
for (const transport of values.transport === undefined ? transports : [values.transport]) {
  if (!(await runTests(transport, env, positionals.length === 0 ? processTests : positionals)))
    failed.push(transport);
}
if (failed.length > 0) console.log(`FAILED over ${failed.join(" and ")}`);
process.exit(failed.length > 0 ? 1 : 0);

function readFlags() {
  try {
    const flags = parseArgs({
      allowPositionals: true,
      options: {
        transport: { type: "string" },
        "must-run": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const { transport } = flags.values;
    if (transport === undefined || transports.includes(transport)) return flags;
    throw new Error(`bad --transport ${JSON.stringify(transport)}: give ${transports.join(" or ")}`);
  } catch (error) {
    console.error(`pnpm test:network: ${/** @type {Error} */ (error).message}; see pnpm test:network --help`);
    process.exit(2);
  }
}
