// The program, from its arguments to its exit status.
import { resolve } from "node:path";

import { ConfigError, type Logger } from "@paxos/core";

import { defaultDataDirectory } from "./data-directory.js";
import { discard } from "./discard.js";
import type { Environment, RunningReplica } from "./environment.js";
import { type ServerFlags, parseFlags } from "./flags.js";
import { LineLogger } from "./line-logger.js";
import { type Membership, readMembership } from "./membership.js";

const DONE = 0;
const FAILED = 1;
const BAD_INPUT = 2;

/** Resolves with the exit status. Rejects only when the program itself is wrong. */
export async function run(args: readonly string[], environment: Environment): Promise<number> {
  try {
    const invocation = parseFlags(args);
    if (invocation.command === "print") {
      environment.writeOutput(`${invocation.text}\n`);
      return DONE;
    }
    return await serve(invocation.flags, environment);
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    environment.writeLog(`paxos-server: ${(error as Error).message}\n`);
    return status;
  }
}

/** The exit status for what kept the server from starting; undefined when that is the program's own fault. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof ConfigError) return BAD_INPUT;
  // Adapters have errors of their own. They are known by their names, so that this file knows no adapter.
  if (error instanceof Error && error.name === "ListenError") return BAD_INPUT;
  if (error instanceof Error && error.name === "StorageError") return FAILED;
  return undefined;
}

async function serve(flags: ServerFlags, environment: Environment): Promise<number> {
  const membership = await readMembership(flags, environment.probe);
  const logger = new LineLogger({
    verbose: flags.verbose,
    now: () => environment.now(),
    write: (line) => environment.writeLog(line),
  });
  const directory = flags.inMemory ? undefined : dataDirectory(flags, membership, environment);
  const replica = await start(flags, membership, directory, logger, environment);
  logger.info(
    `node ${membership.self.nodeId} listening on ${membership.self.address}, ${describeData(directory)}`,
  );
  if (directory === undefined) {
    logger.warn(
      "in memory: this node's log dies with its process, and the node is refused when it comes back",
    );
  }
  const status = await untilItEnds(replica, flags, membership, logger, environment);
  await replica.close();
  return status;
}

function dataDirectory(
  { dataDir }: ServerFlags,
  { self, clusterId }: Membership,
  environment: Environment,
): string {
  return resolve(dataDir ?? defaultDataDirectory(environment, clusterId, self.nodeId));
}

function describeData(directory: string | undefined): string {
  return directory === undefined ? "data in memory" : `data in ${directory}`;
}

async function start(
  flags: ServerFlags,
  { self, epochRecord, clusterId }: Membership,
  directory: string | undefined,
  logger: Logger,
  environment: Environment,
): Promise<RunningReplica> {
  const storage = environment.createStorage(directory);
  const transport = environment.createTransport(flags.transport, logger);
  try {
    return await environment.startReplica({
      nodeId: self.nodeId,
      epochRecord,
      clusterId,
      stateMachine: discard,
      storage,
      transport,
      clientListener: transport,
      logger,
    });
  } catch (error) {
    await transport.close();
    await storage.close();
    throw error;
  }
}

/** Resolves, with the exit status, when the server is to end. */
async function untilItEnds(
  replica: RunningReplica,
  { connectTimeoutMs }: ServerFlags,
  membership: Membership,
  logger: Logger,
  environment: Environment,
): Promise<number> {
  const { interrupt } = environment;
  let timer: NodeJS.Timeout | undefined;
  const ends = new Promise<number>((end) => {
    const onInterrupt = (): void => {
      logger.info(`${String(interrupt.signal.reason)}: stopping`);
      end(DONE);
    };
    if (interrupt.signal.aborted) onInterrupt();
    interrupt.signal.addEventListener("abort", onInterrupt);
    void replica.stopped.then((error) => end(reportStop(error, logger, environment)));
    if (connectTimeoutMs === 0) return;
    timer = setTimeout(() => {
      logger.error(describeLoneliness(membership, connectTimeoutMs));
      end(FAILED);
    }, connectTimeoutMs);
    void replica.peerReached.then(() => clearTimeout(timer));
  });
  const status = await ends;
  clearTimeout(timer);
  return status;
}

function reportStop(error: Error | undefined, logger: Logger, environment: Environment): number {
  if (error === undefined) return DONE;
  logger.error(`stopped: ${error.message}`);
  // The place matters only when the program is at fault.
  if (statusOf(error) === undefined) environment.writeLog(`${error.stack ?? String(error)}\n`);
  return FAILED;
}

function describeLoneliness({ peers }: Membership, ms: number): string {
  const addresses = peers.map(({ address }) => address).join(", ");
  return (
    `reached no peer within ${ms / 1000} s; tried ${addresses}: check that they run, that all have the same hostfile and --transport, ` +
    "and that nothing between them blocks the ports (--connect-timeout 0 waits for ever)"
  );
}
