// The scripted demo: updates from several clients, the leader killed half way and started again, all logs compared.
import type { Acknowledged } from "./client.js";
import type { Cluster } from "./cluster.js";
import { checkAcknowledged, compareLogs, type NodeLog } from "./compare-logs.js";
import { type Leader, allStatuses, leaderAmong } from "./leadership.js";
import { Load } from "./load.js";
import type { Narrator } from "./narrator.js";
import { observe } from "./observation.js";
import { formatTable } from "./table.js";
import { until } from "./until.js";

const CLIENTS = 8;
const UPDATES = 1_000;
const KILL_AT = UPDATES / 2;
const RESTART_AT = (UPDATES * 3) / 4;

/** For an election, and for the last node to have caught up. */
const PATIENCE_MS = 20_000;

const WIDTH = 80;

/** What the script does with a cluster. */
export type ScriptedCluster = Pick<
  Cluster,
  "members" | "client" | "startAll" | "start" | "kill" | "status" | "log"
>;

/** Plays the script. Resolves with whether everything was as it must be. */
export async function playScript(
  cluster: ScriptedCluster,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<boolean> {
  const { strong } = narrator.palette;
  const ports = cluster.members.map(({ port }) => port).join(", ");
  narrator.tell(`starting three servers, on ports ${ports} of 127.0.0.1`);
  await cluster.startAll(signal);
  const first = await untilLed(cluster, signal);
  narrator.tell(`all three are up; ${strong(describeLeader(first))}`);

  narrator.tell(
    `${CLIENTS} clients send ${amount(UPDATES)} updates, each update to a random server`,
    "and, when that one fails, to another under the same number",
  );
  const clients = Array.from({ length: CLIENTS }, () => cluster.client());
  const load = new Load(clients, UPDATES, signal);
  await load.next((_update, count) => count >= KILL_AT);
  const killed = await killLeader(cluster, load, narrator, signal);
  await load.next((_update, count) => count >= RESTART_AT);
  narrator.tell(`${amount(load.acknowledged.length)} acknowledged; node ${killed} is started again`);
  await cluster.start(killed, signal);
  narrator.tell(`node ${killed} answers again`);
  await load.done;
  narrator.tell(`all ${amount(UPDATES)} acknowledged${describeResent(load.acknowledged)}`);

  const seq = await untilLevel(cluster, signal);
  narrator.tell(`all three nodes are level, at seq ${amount(seq)}:`);
  const rows = await observe(cluster, signal);
  for (const line of formatTable(rows, WIDTH, narrator.palette)) narrator.print(line);
  return judge(await readLogs(cluster, signal), load.acknowledged, narrator);
}

/** Kills the leader with -9, and tells how long it takes until updates are ordered again. */
async function killLeader(
  cluster: ScriptedCluster,
  load: Load,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<number> {
  const { nodeId } = await untilLed(cluster, signal);
  const { bad, strong } = narrator.palette;
  const acknowledged = load.acknowledged.length;
  const killedAt = performance.now();
  // One that was sent before may have been ordered before.
  const resumed = load.next(({ sentAt }) => sentAt > killedAt);
  await cluster.kill(nodeId);
  narrator.tell(`${amount(acknowledged)} acknowledged; ${bad(`kill -9 node ${nodeId}`)}, the leader`);
  const pause = (await resumed).acknowledgedAt - killedAt;
  const leader = await untilLed(cluster, signal);
  narrator.tell(
    `updates flow again: ${strong(describeLeader(leader))} now,`,
    `the first update sent after the kill was ordered ${amount(Math.round(pause))} ms after it`,
  );
  return nodeId;
}

/** Compares the logs, and tells what they show. */
function judge(logs: readonly NodeLog[], acknowledged: readonly Acknowledged[], narrator: Narrator): boolean {
  const { good, bad } = narrator.palette;
  const wrong = [...compareLogs(logs), ...logs.flatMap((log) => checkAcknowledged(log, acknowledged))];
  if (wrong.length > 0) {
    narrator.tell(bad("the logs are not as they must be:"), ...wrong);
    return false;
  }
  narrator.tell(
    `read and compared the three logs entry by entry: ${good("they are the same")};`,
    `all ${amount(acknowledged.length)} acknowledged updates are in them ${good("exactly once")}, and no others`,
  );
  return true;
}

async function untilLed(cluster: ScriptedCluster, signal: AbortSignal): Promise<Leader> {
  let leader: Leader | undefined;
  const led = async (): Promise<boolean> => {
    leader = leaderAmong(await allStatuses(cluster, signal));
    return leader !== undefined;
  };
  await until("a node leads", led, { ms: PATIENCE_MS, signal });
  if (leader === undefined) throw new Error("unreachable: led without a leader");
  return leader;
}

/** Resolves, with the seq, when all nodes have ordered and applied the same. */
async function untilLevel(cluster: ScriptedCluster, signal: AbortSignal): Promise<number> {
  let seq = 0n;
  const level = async (): Promise<boolean> => {
    const statuses = await allStatuses(cluster, signal);
    seq = statuses[0]?.localAru ?? 0n;
    return statuses.every((status) => status?.localAru === seq && status.appliedSeq === seq);
  };
  await until("all nodes have ordered the same", level, { ms: PATIENCE_MS, signal });
  return Number(seq);
}

async function readLogs(cluster: ScriptedCluster, signal: AbortSignal): Promise<NodeLog[]> {
  return Promise.all(
    cluster.members.map(async ({ nodeId }) => ({ nodeId, entries: await cluster.log(nodeId, 1, signal) })),
  );
}

function describeLeader({ nodeId, view }: Leader): string {
  return `node ${nodeId} leads view ${view}`;
}

function describeResent(acknowledged: readonly Acknowledged[]): string {
  const resent = acknowledged.filter(({ failed }) => failed.length > 0).length;
  return resent === 0 ? "" : `; ${amount(resent)} had to be sent again, to another server`;
}

function amount(count: number): string {
  return count.toLocaleString("en");
}
