// paxos-server restore: the data directory of a member of a new cluster, out of a backup.
import { DEFAULT_PORT } from "@paxos/hostfile";
import type { BackupPiece, Snapshot } from "@paxos/proto";
import { clusterIdOf } from "@paxos/replica";

import { readBackup } from "./backup-file.js";
import { dataDirectory, defaultDataDirectory } from "./data-directory.js";
import type { Environment } from "./environment.js";
import { CommandError, DONE } from "./exit-status.js";
import type { RestoreFlags } from "./flags.js";
import { type Membership, readMembership } from "./membership.js";
import { firstContent, recordOf, requireReadable } from "./restored-store.js";

/** Resolves with the exit status. */
export async function restore(flags: RestoreFlags, environment: Environment): Promise<number> {
  const membership = await readMembership(flags, environment.probe);
  const { signal } = environment.interrupt;
  const directory = dataDirectory(flags, membership, environment);
  // Read to its end before anything is made of it.
  const backup = await lookThrough(flags.backup, signal);
  requireReadable(backup, flags.backup);
  const epochRecord = recordOf(membership.epochRecord, backup);
  await environment.createStore({
    directory,
    ...firstContent(backup, membership.self.nodeId, epochRecord),
    chunks: unlessInterrupted(readBackup(flags.backup), signal),
  });
  const cluster = Buffer.from(clusterIdOf(epochRecord)).toString("hex");
  environment.writeOutput(describe({ flags, membership, backup, directory, cluster, environment }));
  return DONE;
}

async function lookThrough(file: string, signal: AbortSignal): Promise<Snapshot> {
  let whole: Snapshot | undefined;
  for await (const { snapshot } of unlessInterrupted(readBackup(file), signal)) whole = snapshot;
  if (whole === undefined) throw new Error("a backup has a piece at least");
  return whole;
}

async function* unlessInterrupted<T extends BackupPiece>(
  pieces: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  for await (const piece of pieces) {
    if (signal.aborted) throw new CommandError(`${String(signal.reason)}: nothing was restored`);
    yield piece;
  }
}

interface Done {
  readonly flags: RestoreFlags;
  readonly membership: Membership;
  readonly backup: Snapshot;
  readonly directory: string;
  readonly cluster: string;
  readonly environment: Environment;
}

function describe({ flags, membership, backup, directory, cluster, environment }: Done): string {
  const { self, peers, hostfileId } = membership;
  const isDefault = directory === defaultDataDirectory(environment, hostfileId, self.nodeId);
  const port = flags.port === DEFAULT_PORT ? "" : ` -p ${flags.port}`;
  const data = isDefault ? "" : ` --data-dir ${directory}`;
  const start = `paxos-server -h ${flags.hostfile}${port} -i ${self.nodeId}${data}`;
  const others = peers.map(({ nodeId, address }) => `${nodeId} (${address})`).join(", ");
  return `node ${self.nodeId} of the new cluster ${cluster} begins with everything up to seq ${backup.seq}
its data is in ${directory}
${
  others === ""
    ? "start it with:\n"
    : `restore node${peers.length > 1 ? "s" : ""} ${others} from the very same file, each on its host, and start them all;\n` +
      "no member of another cluster is let in. This one is started with:\n"
}  ${start}
`;
}
