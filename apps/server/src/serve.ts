// Runs a member, until it ends.
import { dataDirectory } from "./data-directory.js";
import type { Environment, RunningReplica } from "./environment.js";
import { DONE, FAILED, statusOf } from "./exit-status.js";
import type { ServeFlags } from "./flags.js";
import { LineLogger } from "./line-logger.js";
import { type Member, startMember } from "./member.js";
import { type Membership, readMembership } from "./membership.js";
import { Comeback, adviceOnFailure } from "./storage-failure.js";

/** How long a replica may take to close. Longer takes only one whose disk does not answer. */
const CLOSE_MS = 1_000;

/** Resolves with the exit status. Rejects with what keeps the member from starting. */
export async function serve(flags: ServeFlags, environment: Environment): Promise<number> {
  const membership = await readMembership(flags, environment.probe);
  const logger = new LineLogger({
    verbose: flags.verbose,
    now: () => environment.now(),
    write: (line) => environment.writeLog(line),
  });
  const directory = flags.inMemory ? undefined : dataDirectory(flags, membership, environment);
  const member: Member = { flags, membership, directory, logger, environment };
  const started = await startMember(member);
  logger.info(
    `node ${membership.self.nodeId} listening on ${membership.self.address}, ${describeData(directory)}`,
  );
  if (directory === undefined) {
    logger.warn(
      "in memory: this node's log dies with its process, and the node is refused when it comes back",
    );
  }
  const { replica, status } = await runToTheEnd(started, member);
  if (!(await closesInTime(replica))) {
    logger.error("not closed in time, the disk does not answer: ended all the same");
    environment.endAtOnce();
  }
  return status;
}

/** Resolves with the last replica, which is to be closed, and the exit status. */
async function runToTheEnd(started: RunningReplica, member: Member) {
  let replica = started;
  const comeback = new Comeback(member);
  let end = await untilItEnds(replica, member, member.flags.connectTimeoutMs);
  while (end === "storage has failed") {
    const anew = await comeback.startAnew(replica);
    // A signal has come, or it has stopped by itself.
    if (anew === undefined) return { replica, status: await untilItStops(replica, member) };
    replica = anew;
    end = await untilItEnds(replica, member, 0);
  }
  return { replica, status: end };
}

function describeData(directory: string | undefined): string {
  return directory === undefined ? "data in memory" : `data in ${directory}`;
}

/** Resolves, with the exit status, when the member is to end; or says that its storage has failed and is to be waited for. */
async function untilItEnds(
  replica: RunningReplica,
  member: Member,
  connectTimeoutMs: number,
): Promise<number | "storage has failed"> {
  const { flags, logger, membership } = member;
  let timer: NodeJS.Timeout | undefined;
  const lonely = new Promise<number>((resolve) => {
    if (connectTimeoutMs === 0) return;
    timer = setTimeout(() => {
      logger.error(describeLoneliness(membership, connectTimeoutMs));
      resolve(FAILED);
    }, connectTimeoutMs);
    void replica.peerReached.then(() => clearTimeout(timer));
  });
  const waits = flags.onStorageFailure === "wait";
  const failed = waits ? replica.storageFailed.then(() => "storage has failed" as const) : lonely;
  try {
    return await Promise.race([untilItStops(replica, member), lonely, failed]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves, with the exit status, when a signal has come or the replica has stopped by itself. */
async function untilItStops(replica: RunningReplica, member: Member): Promise<number> {
  const { signal } = member.environment.interrupt;
  const interrupted = new Promise<"interrupted">((resolve) => {
    if (signal.aborted) resolve("interrupted");
    else signal.addEventListener("abort", () => resolve("interrupted"), { once: true });
  });
  let storageError: Error | undefined;
  void replica.storageFailed.then((error) => (storageError = error));
  const end = await Promise.race([interrupted, replica.stopped]);
  if (end !== "interrupted") return reportStop(end, end !== undefined && end === storageError, member);
  member.logger.info(`${String(signal.reason)}: stopping`);
  return DONE;
}

function reportStop(error: Error | undefined, storageFailed: boolean, member: Member): number {
  const { logger, environment } = member;
  if (error === undefined) return DONE;
  if (storageFailed) {
    logger.error(`stopped: storage has failed: ${error.message}. ${adviceOnFailure(member)}`);
    return FAILED;
  }
  logger.error(`stopped: ${error.message}`);
  // The place matters only when the program is at fault.
  if (statusOf(error) === undefined) environment.writeLog(`${error.stack ?? String(error)}\n`);
  return FAILED;
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

function describeLoneliness({ peers }: Membership, ms: number): string {
  const addresses = peers.map(({ address }) => address).join(", ");
  return (
    `reached no peer within ${ms / 1000} s; tried ${addresses}: check that they run, that all have the same hostfile and --transport, ` +
    "and that nothing between them blocks the ports (--connect-timeout 0 waits for ever)"
  );
}
