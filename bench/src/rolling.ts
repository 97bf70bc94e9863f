// Every server of a cluster is restarted in turn, under load, as for an upgrade: for how long does the client hear nothing?
import type { Held } from "./acknowledged.js";
import { describePauses, LoadedCluster, type LoadedClusterOptions, type Measured } from "./loaded-cluster.js";

export interface RollingOptions extends LoadedClusterOptions {
  readonly runs: number;
  readonly onProgress: (what: string) => void;
}

/** One server's restart: from the signal until it has applied what the leader knew as ordered a moment before. */
interface Restart extends Measured {
  readonly run: number;
  readonly nodeId: number;
  /** When the signal came. */
  readonly ledBefore: boolean;
  /** Milliseconds from the signal until the process had ended, and its exit status. */
  readonly endedAfter: number;
  readonly status: number | null;
}

export interface RollingResult {
  readonly options: Omit<RollingOptions, "onProgress">;
  readonly restarts: readonly Restart[];
  /** By run. */
  readonly held: readonly Held[];
}

export async function benchRolling({ onProgress, ...options }: RollingOptions): Promise<RollingResult> {
  const restarts: Restart[] = [];
  const held: Held[] = [];
  for (let run = 1; run <= options.runs; run++) {
    const ofRun = await LoadedCluster.with(options, 0, async (cluster) => {
      for (const nodeId of cluster.servers.addresses.keys()) {
        const restart = { run, ...(await restartServer(cluster, nodeId)) };
        restarts.push(restart);
        onProgress(`run ${run} of ${options.runs}: ${describe(restart)}`);
      }
      return 0;
    });
    held.push(ofRun);
  }
  return { options, restarts, held };
}

async function restartServer(cluster: LoadedCluster, nodeId: number): Promise<Omit<Restart, "run">> {
  const { servers } = cluster;
  const ledBefore = (await servers.leader()) === nodeId;
  let endedAfter = Number.NaN;
  let status: number | null = null;
  const measured = await cluster.watch(async () => {
    const signalled = performance.now();
    status = await servers.process(nodeId).end("SIGTERM");
    endedAfter = performance.now() - signalled;
    servers.startServer(nodeId);
    await servers.level(nodeId);
  });
  return { nodeId, ledBefore, endedAfter, status, ...measured };
}

function describe(restart: Restart): string {
  const role = restart.ledBefore ? "the leader" : "a follower";
  const level = (restart.windowMs / 1000).toFixed(1);
  return `node ${restart.nodeId}, ${role}, level after ${level} s: ${describePauses(restart)}`;
}
