// Runs a member, until it ends.
import type { Environment, RunningReplica } from "./environment.js";
import { DONE, FAILED, statusOf } from "./exit-status.js";
import type { ServeFlags } from "./flags.js";
import { LineLogger } from "./line-logger.js";
import { type Member, startMember } from "./member.js";
import { type StartingPoint, findStartingPoint } from "./starting-point.js";
import { loadStateMachine } from "./state-machine-module.js";
import { Comeback, adviceOnFailure } from "./storage-failure.js";

/** How long a leader may take to hand over: less than what is left of a signal's second. */
const HAND_OVER_MS = 400;

/** How long a replica may take to close. Longer takes only one whose disk does not answer. */
const CLOSE_MS = 1_000;

/** Resolves with the exit status. Rejects with what keeps the member from starting. */
export async function serve(flags: ServeFlags, environment: Environment): Promise<number> {
  const start = await findStartingPoint(flags, environment);
  const createStateMachine = await loadStateMachine(flags.stateMachine, environment);
  const logger = new LineLogger({
    verbose: flags.verbose,
    now: () => environment.now(),
    write: (line) => environment.writeLog(line),
  });
  const { directory, nodeId } = start;
  const member: Member = { flags, start, createStateMachine, logger, environment };
  const started = await startMember(member);
  logger.info(`node ${nodeId} listening on ${flags.listen ?? started.address}, ${describeData(directory)}`);
  if (directory === undefined) {
    logger.warn(
      "in memory: this node's log dies with its process, and the node is refused when it comes back",
    );
  }
  const { replica, status, handsOver } = await runToTheEnd(started, member);
  if (handsOver) await handOver(replica);
  if (!(await closesInTime(replica))) {
    logger.error("not closed in time, the disk does not answer: ended all the same");
    environment.endAtOnce();
  }
  return status;
}

/** Why a replica is to be closed. */
type End =
  | { readonly kind: "interrupted" }
  | { readonly kind: "reached no peer" }
  | { readonly kind: "removed" }
  | { readonly kind: "storage failed, waits" }
  | { readonly kind: "stopped"; readonly error: Error | undefined; readonly storageFailed: boolean };

/** Resolves with the last replica, which is to be closed, and the exit status. */
async function runToTheEnd(started: RunningReplica, member: Member) {
  let replica = started;
  const comeback = new Comeback(member);
  let end = await untilItEnds(replica, member, member.flags.connectTimeoutMs);
  while (end.kind === "storage failed, waits") {
    const anew = await comeback.startAnew(replica);
    // A signal has come, or it has stopped by itself.
    end =
      anew === undefined
        ? await untilItStops(replica, member)
        : await untilItEnds((replica = anew), member, 0);
  }
  return { replica, status: report(end, member), handsOver: end.kind === "interrupted" };
}

function describeData(directory: string | undefined): string {
  return directory === undefined ? "data in memory" : `data in ${directory}`;
}

/** Resolves when the replica is to be closed. */
async function untilItEnds(replica: RunningReplica, member: Member, connectTimeoutMs: number): Promise<End> {
  const ends: Promise<End>[] = [untilItStops(replica, member)];
  if (member.flags.onStorageFailure === "wait")
    ends.push(replica.storageFailed.then(() => ({ kind: "storage failed, waits" })));
  let timer: NodeJS.Timeout | undefined;
  if (connectTimeoutMs > 0) {
    ends.push(
      new Promise((resolve) => (timer = setTimeout(resolve, connectTimeoutMs, { kind: "reached no peer" }))),
    );
    void replica.peerReached.then(() => clearTimeout(timer));
  }
  const end = await Promise.race(ends);
  clearTimeout(timer);
  return end;
}

/** Resolves when a signal has come, or the replica has stopped by itself. */
async function untilItStops(replica: RunningReplica, { environment }: Member): Promise<End> {
  const { signal } = environment.interrupt;
  const interrupted = new Promise<End>((resolve) => {
    if (signal.aborted) resolve({ kind: "interrupted" });
    else signal.addEventListener("abort", () => resolve({ kind: "interrupted" }), { once: true });
  });
  let failure: Error | undefined;
  void replica.storageFailed.then((error) => (failure = error));
  const stopped = replica.stopped.then((error): End => ({
    kind: "stopped",
    error,
    storageFailed: error !== undefined && error === failure,
  }));
  const removed = replica.removed.then((): End => ({ kind: "removed" }));
  return Promise.race([interrupted, stopped, removed]);
}

/** Says why it ends, and gives the exit status. */
function report(end: Exclude<End, { readonly kind: "storage failed, waits" }>, member: Member): number {
  const { logger, environment, start, flags } = member;
  switch (end.kind) {
    case "interrupted":
      logger.info(`${String(environment.interrupt.signal.reason)}: stopping`);
      return DONE;
    case "reached no peer":
      logger.error(describeLoneliness(start, flags.connectTimeoutMs));
      return FAILED;
    case "removed":
      logger.info(
        `node ${start.nodeId} was removed from the cluster, and the others go on without it: stopping. Its data is of no more use`,
      );
      return DONE;
    case "stopped":
      break;
  }
  const { error, storageFailed } = end;
  if (error === undefined) return DONE;
  const what = storageFailed
    ? `storage has failed: ${error.message}. ${adviceOnFailure(member)}`
    : error.message;
  logger.error(`stopped: ${what}`);
  // The place matters only when the program is at fault.
  if (!storageFailed && statusOf(error) === undefined)
    environment.writeLog(`${error.stack ?? String(error)}\n`);
  return FAILED;
}

/** A leader that ends hands over first, so that nobody need notice that it is gone. */
async function handOver(replica: RunningReplica): Promise<void> {
  await replica
    .transferLeadership(undefined, { signal: AbortSignal.timeout(HAND_OVER_MS) })
    .catch(() => undefined);
}

/** Whether it has closed: a save that hangs holds it up for as long as it does. */
async function closesInTime(replica: RunningReplica): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, CLOSE_MS, false)));
  try {
    return await Promise.race([replica.close().then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function describeLoneliness({ peers }: StartingPoint, ms: number): string {
  const addresses = peers.length > 0 ? peers.join(", ") : "the members on record";
  return (
    `reached no peer within ${ms / 1000} s; tried ${addresses}: check that they run, that all have the same hostfile and --transport, ` +
    "and that nothing between them blocks the ports (--connect-timeout 0 waits for ever)"
  );
}
