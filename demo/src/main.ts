// The process: its streams, its signals, its end.
import { ConnectClientTransport } from "@paxos/transport-connect";

import { Cluster } from "./cluster.js";
import { DemoError } from "./demo-error.js";
import { type DemoFlags, UsageError, parseFlags } from "./flags.js";
import { Narrator } from "./narrator.js";
import { createPalette, wantsColours } from "./palette.js";
import { playScript } from "./script.js";
import { runSession } from "./session.js";

const DONE = 0;
const FAILED = 1;
const BAD_INPUT = 2;

/** 128 and the signal's number, as shells have it. */
const SIGNAL_STATUS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** The script must be over by then, whatever happens. */
const SCRIPT_MS = 55_000;

const { stdin, stdout, stderr } = process;
const interrupt = new AbortController();

for (const [signal, status] of Object.entries(SIGNAL_STATUS)) {
  process.on(signal, () => {
    // For somebody in a hurry. What must be done at the end is done on "exit".
    if (interrupt.signal.aborted) process.exit(status);
    process.exitCode = status;
    interrupt.abort(new DemoError(`ended by ${signal}`));
  });
}
// Nobody reads any more: `pnpm demo | head`.
stdout.on("error", () => interrupt.abort(new DemoError("standard output was closed")));
stderr.on("error", () => undefined);

const status = await main(process.argv.slice(2));
process.exitCode ??= status;
// A terminal's standard input would keep the process alive.
stdin.destroy();

async function main(args: readonly string[]): Promise<number> {
  try {
    const flags = parseFlags(args);
    if (typeof flags !== "string") return await demonstrate(flags);
    stdout.write(`${flags}\n`);
    return DONE;
  } catch (error) {
    if (!(error instanceof DemoError)) throw error;
    stderr.write(`demo: ${error.message}\n`);
    return error instanceof UsageError ? BAD_INPUT : FAILED;
  }
}

async function demonstrate({ script, keep }: DemoFlags): Promise<number> {
  const transport = new ConnectClientTransport();
  const cluster = await Cluster.create({ transport, keep });
  const closeNow = (): void => cluster.closeNow();
  process.on("exit", closeNow);
  const interactive = !script && stdin.isTTY && stdout.isTTY;
  try {
    return await (interactive ? converse(cluster) : play(cluster));
  } finally {
    await transport.close();
    await cluster.close();
    process.off("exit", closeNow);
    if (keep) stdout.write(`The files are kept in ${cluster.directory}\n`);
    else if (interactive) stdout.write("The servers have ended, and their files are removed.\n");
  }
}

async function play(cluster: Cluster): Promise<number> {
  const palette = createPalette(wantsColours(stdout, process.env));
  const narrator = new Narrator((text) => stdout.write(text), palette);
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new DemoError(`not over after ${SCRIPT_MS / 1000} s, and given up`)),
    SCRIPT_MS,
  );
  const signal = AbortSignal.any([interrupt.signal, limit.signal]);
  try {
    return (await playScript(cluster, narrator, signal)) ? DONE : FAILED;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function converse(cluster: Cluster): Promise<number> {
  const palette = createPalette(wantsColours(stdout, process.env));
  stdout.write("Starting three servers ...\n");
  try {
    await cluster.startAll(interrupt.signal);
    await runSession({ cluster, input: stdin, output: stdout, palette, signal: interrupt.signal });
  } catch (error) {
    interrupt.signal.throwIfAborted();
    throw error;
  }
  return DONE;
}
