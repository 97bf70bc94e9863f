// The load, seen from its parent.
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { atExit } from "../clean-up.js";
import type { LoadResult, LoadSetup } from "./load-child.js";
import type { Measurement } from "./measurement.js";

/** How the servers stand. */
export interface Look {
  /** Seconds of processor time since they started, of all together. */
  readonly spent: number;
  /** How late the leader's event loop was since the last look; NaN where that is not known. */
  readonly lag: number;
}

/** A process that goes from one measurement to the next, as that of an application does, whose code is warm. */
export class LoadProcess {
  readonly #child = fork(fileURLToPath(new URL("./load-child.js", import.meta.url)));
  readonly #calledOff = atExit(() => this.#child.kill("SIGKILL"));

  /** Looks at the servers before and after. */
  async measure(setup: LoadSetup, look: () => Look | Promise<Look>): Promise<Measurement> {
    this.#child.send(setup);
    await said(this.#child);
    const before = await look();
    this.#child.send("go");
    await said(this.#child);
    const after = await look();
    this.#child.send("go");
    const { processor, perSecond, ...latencies } = (await said(this.#child)) as LoadResult;
    const micros = (spent: number) => (spent * 1e6) / (perSecond * setup.seconds);
    return {
      perSecond,
      // Nothing answered: on the way from the other process what is not a number becomes nothing.
      p50: latencies.p50 ?? Number.NaN,
      p99: latencies.p99 ?? Number.NaN,
      p999: latencies.p999 ?? Number.NaN,
      loadMicros: micros(processor),
      serverMicros: micros(after.spent - before.spent),
      lag: after.lag,
    };
  }

  async end(): Promise<void> {
    await ended(this.#child);
    this.#calledOff();
  }
}

/** What a child says next. */
export async function said(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      child.off("exit", onExit);
      resolve(message);
    };
    const onExit = (code: number | null) => {
      child.off("message", onMessage);
      reject(new Error(`${child.spawnargs.join(" ")} ended with status ${code}`));
    };
    child.once("message", onMessage);
    child.once("exit", onExit);
  });
}

/** Ends a child, if it has not ended. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await end;
}
