// What becomes of a member whose disk fails: it ends with advice, or waits and comes back.
import type { RunningReplica } from "./environment.js";
import { statusOf } from "./exit-status.js";
import { type Member, startMember } from "./member.js";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** For the log of a member that ends because of it. */
export function adviceOnFailure({ start: { directory, nodeId } }: Member): string {
  return (
    "Nothing that was acknowledged is lost. Free space, or mend the disk; whether the data is whole says " +
    `paxos-server inspect --data-dir ${directory ?? "DIR"}; then start node ${nodeId} again, and it catches up. ` +
    "(With --on-storage-failure wait it does so by itself.)"
  );
}

/** Brings a member back whose disk has failed, as often as it does. */
export class Comeback {
  readonly #member: Member;
  #pauseMs = FIRST_PAUSE_MS;
  #startedAt: number;

  constructor(member: Member) {
    this.#member = member;
    this.#startedAt = this.#now();
  }

  /**
   * Closes a replica whose storage has failed and starts another on a fresh handle, once the disk takes something again.
   * Until then the old one stays, and its status says what is wrong. Undefined when it ends instead: on a signal, or because
   * the old one has stopped by itself.
   */
  async startAnew(failed: RunningReplica): Promise<RunningReplica | undefined> {
    const { logger, environment, start } = this.#member;
    const { directory } = start;
    const failedAt = this.#now();
    // What fails as soon as it is started is not tried every second.
    if (failedAt - this.#startedAt > LONGEST_PAUSE_MS) this.#pauseMs = FIRST_PAUSE_MS;
    logger.warn(
      `waits for the disk: starts node ${start.nodeId} anew once it works, and tries that less and less often, ` +
        `every ${LONGEST_PAUSE_MS / 1000} s in the end. Free space, or mend the disk`,
    );
    const stopped = new AbortController();
    void failed.stopped.then(() => stopped.abort());
    const ends = AbortSignal.any([environment.interrupt.signal, stopped.signal]);
    while (await this.#pause(ends)) {
      if (directory === undefined || !(await unlessAborted(environment.takesWrites(directory), ends)))
        continue;
      // However long that takes: the directory is locked until a save that hangs has ended.
      await unlessAborted(failed.close(), environment.interrupt.signal);
      const replica = await this.#start(environment.interrupt.signal);
      if (replica === undefined) return undefined;
      this.#startedAt = this.#now();
      const seconds = Math.ceil((this.#startedAt - failedAt) / 1000);
      logger.info(`storage works again after ${seconds} s: node ${start.nodeId} started anew`);
      return replica;
    }
    return undefined;
  }

  /** Starts it, until that works. Undefined when a signal comes first. */
  async #start(interrupt: AbortSignal): Promise<RunningReplica | undefined> {
    const { logger } = this.#member;
    let told: string | undefined;
    while (!interrupt.aborted) {
      try {
        return await startMember(this.#member);
      } catch (error) {
        if (statusOf(error) === undefined) throw error;
        const { message } = error as Error;
        if (message !== told) logger.warn(`not started anew yet: ${message}`);
        told = message;
      }
      await this.#pause(interrupt);
    }
    return undefined;
  }

  /** Whether to go on. */
  async #pause(ends: AbortSignal): Promise<boolean> {
    await this.#member.environment.wait(this.#pauseMs, ends);
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    return !ends.aborted;
  }

  #now(): number {
    return this.#member.environment.now().getTime();
  }
}

/** Undefined when the signal comes first. */
async function unlessAborted<T>(outcome: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => (onAbort = () => resolve(undefined)));
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([outcome, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
