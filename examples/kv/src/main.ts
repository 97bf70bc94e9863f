// The server as a process.
import { existsSync } from "node:fs";
import { connect } from "@paxos/client";
import { ConfigError, firstEpoch, type Logger } from "@paxos/core";
import type { MembersResponse } from "@paxos/proto";
import { findSelf, loadHostfile } from "@paxos/hostfile";
import type { ReplicaOptions } from "@paxos/replica";
import { classicLevelStorage } from "@paxos/storage-level";
import { ConnectClientTransport, ConnectReplicaTransport } from "@paxos/transport-connect";
import { TcpClientTransport, TcpReplicaTransport } from "@paxos/transport-tcp";
import { startServer } from "./server.js";
import { parseServerFlags, type ServerFlags } from "./server-flags.js";

const say = (level: string, line: string): void => void process.stderr.write(`${level}: ${line}\n`);
const logger: Logger = {
  verbose: false,
  debug: () => undefined,
  info: (line) => say("info", line),
  warn: (line) => say("warn", line),
  error: (line) => say("error", line),
};

/** Who belongs to the cluster: as the hostfile founds it, or as a member of it tells one that joins. */
async function membership(
  flags: ServerFlags,
): Promise<Pick<ReplicaOptions, "nodeId" | "epochRecord" | "clusterId">> {
  const { id, join, transport } = flags;
  if (join === undefined || id === undefined) {
    const members = await loadHostfile(flags.hostfile);
    const self = id === undefined ? await findSelf(members) : members[id];
    if (self === undefined)
      throw new ConfigError(`bad --id ${id}: ${flags.hostfile} names ${members.length} servers`);
    return { nodeId: self.nodeId, epochRecord: firstEpoch(members.map(({ address }) => address)) };
  }
  await using client = connect({
    servers: [join],
    transport: transport === "tcp" ? new TcpClientTransport() : new ConnectClientTransport(),
  });
  let members: MembersResponse;
  try {
    members = await client.members({ signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    // A server that has joined before knows all it needs.
    if (existsSync(flags.dataDir)) return { nodeId: id };
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`cannot join: ${join} does not tell who belongs to its cluster: ${why}`);
  }
  const { epochRecord, clusterId } = members;
  if (epochRecord === undefined) throw new ConfigError(`cannot join: ${join} does not know its cluster`);
  return { nodeId: id, epochRecord, clusterId };
}

async function run(flags: ServerFlags): Promise<void> {
  const transport =
    flags.transport === "tcp" ? new TcpReplicaTransport({ logger }) : new ConnectReplicaTransport({ logger });
  const server = await startServer({
    member: {
      ...(await membership(flags)),
      storage: classicLevelStorage({ directory: flags.dataDir }),
      transport,
      // So that paxos-client can show and change the cluster.
      clientListener: transport,
    },
    http: flags.http,
    logger,
  });
  logger.info(`serving HTTP at ${server.url}`);
  const { replica } = server;
  const end = await Promise.race([
    new Promise<undefined>((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve(undefined));
    }),
    replica.stopped,
    replica.removed.then(() => logger.info("this server was removed from the cluster")),
  ]);
  // A leader that ends hands over, so that nobody waits for a timeout.
  if (end === undefined)
    await replica.transferLeadership(undefined, { signal: AbortSignal.timeout(400) }).catch(() => undefined);
  else throw end;
  await server.close();
}

/** What somebody has to put right, rather than a fault of the program's own. */
function isBadInput(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    error instanceof ConfigError ||
    error.name === "ListenError" ||
    code === "EADDRINUSE" ||
    code === "EADDRNOTAVAIL"
  );
}

try {
  const flags = parseServerFlags(process.argv.slice(2));
  if ("text" in flags) process.stdout.write(`${flags.text}\n`);
  else await run(flags);
  process.exitCode = 0;
} catch (error) {
  say(
    "kv-server",
    isBadInput(error) ? error.message : error instanceof Error ? String(error.stack) : String(error),
  );
  process.exitCode = isBadInput(error) ? 2 : 1;
}
