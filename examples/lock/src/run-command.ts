// lock run: a command, for as long as a lock is held.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { RunFlags } from "./flags.js";
import type { Lock } from "./lock.js";
import type { LockClient } from "./lock-client.js";

/** Try again later (EX_TEMPFAIL of sysexits.h): the lock was lost, or is taken. */
const TRY_LATER = 75;

export interface RunEnvironment {
  /** Aborted, with the signal's name as its reason, when the program is to end. */
  readonly interrupt: AbortSignal;
  /** Has signals told that come while the command runs. Returns how to undo that. */
  readonly onSignal: (told: (signal: NodeJS.Signals) => void) => () => void;
  readonly say: (line: string) => void;
  /** How long a command that has lost its lock may take to end before it is killed. */
  readonly graceMs: number;
}

/** Resolves with the exit status. */
export async function runLocked(
  { name, ttlMs, wait, command }: RunFlags,
  locks: Pick<LockClient, "acquire" | "tryAcquire">,
  environment: RunEnvironment,
): Promise<number> {
  let told = "";
  const report = (line: string): void => {
    if (line !== told) environment.say((told = line));
  };
  const options = { ttlMs, signal: environment.interrupt, report };
  const lock = wait ? await locks.acquire(name, options) : await locks.tryAcquire(name, options);
  if (lock === undefined) {
    environment.say(`${name} is taken`);
    return TRY_LATER;
  }
  try {
    const status = await runWhileHeld(lock, command, environment);
    // It may have ended well; but not all of its work was done under the lock.
    if (!lock.signal.aborted) return status;
    environment.say(`${(lock.signal.reason as Error).message}; ended ${command[0]}`);
    return TRY_LATER;
  } finally {
    await lock.release();
  }
}

/** Resolves with the command's status when it has ended, which it is made to when the lock is lost. */
async function runWhileHeld(
  lock: Lock,
  [program = "", ...args]: readonly string[],
  { onSignal, say, graceMs }: RunEnvironment,
): Promise<number> {
  const env = { ...process.env, PAXOS_LOCK: lock.name, PAXOS_FENCING_TOKEN: String(lock.token) };
  const child = spawn(program, args, { stdio: "inherit", env });
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill("SIGTERM");
    timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  };
  lock.signal.addEventListener("abort", end);
  if (lock.signal.aborted) end();
  const stopTelling = onSignal((signal) => child.kill(signal));
  try {
    return await new Promise<number>((resolve) => {
      child.on("error", ({ code, message }: NodeJS.ErrnoException) => {
        // It was started, and a signal could not be sent.
        if (child.pid !== undefined) return;
        say(code === "ENOENT" ? `${program}: there is no such command` : message);
        resolve(code === "ENOENT" ? 127 : 126);
      });
      child.on("exit", (status, signal) =>
        resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    });
  } finally {
    clearTimeout(timer);
    stopTelling();
    lock.signal.removeEventListener("abort", end);
  }
}
