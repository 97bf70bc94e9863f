// Servers are killed again and again, one of them or all, while a client keeps many updates under way and the logs are
// compacted all the time. PAXOS_KILL_SECONDS=60 runs it for a minute.
import { setTimeout as sleep } from "node:timers/promises";

import { type Client, connect } from "@paxos/client";
import { expect, jest, test } from "@jest/globals";

import { type Cluster, withCluster } from "./cluster.js";
import { patient } from "./hosts.js";
import { LogCollector } from "./log-collector.js";
import { newClientTransport } from "./transport.js";
import { until } from "./until.js";

const SECONDS = Number(process.env["PAXOS_KILL_SECONDS"] ?? 10);
/** So many updates are ordered in any case, for the logs to have been compacted. */
const LEAST = 3_000;
const IN_FLIGHT = 64;
const TAIL = 1_000;
const SNAPSHOTS = ["--snapshot-every", "200", "--log-tail", String(TAIL), "--connect-timeout", "0"];

jest.setTimeout(patient((SECONDS + 240) * 1000));

/** Keeps updates under way, each another one, and notes where the cluster says that they are. */
class Load {
  /** By update, its seq. */
  readonly acknowledged = new Map<string, number>();
  #stopped = false;
  #highest = 0;
  readonly #done: Promise<unknown>;

  constructor(client: Client, collector: LogCollector) {
    this.#done = Promise.all(
      Array.from({ length: IN_FLIGHT }, async (_, slot) => {
        for (let n = 0; !this.#stopped; n++) {
          // What has not been collected yet must not be compacted: it could not be judged any more.
          if (this.#highest > collector.frontier + TAIL / 2) {
            await sleep(5);
            continue;
          }
          const update = `${slot}-${n}`;
          const { seq } = await client.submit(Buffer.from(update), { timeoutMs: Infinity });
          this.acknowledged.set(update, seq);
          this.#highest = Math.max(this.#highest, seq);
        }
      }),
    );
  }

  /** Resolves when everything under way has been acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }
}

const random = (from: number, to: number) => from + Math.random() * (to - from);

/** Kills one server, or all, and starts them again, until told to stop. Resolves with how many it has killed. */
async function killAndRestart(cluster: Cluster, goesOn: () => boolean): Promise<number> {
  const all = cluster.addresses.map((_, id) => id);
  let killed = 0;
  while (goesOn()) {
    await sleep(random(300, 5_000));
    const victims = Math.random() < 0.25 ? all : [Math.floor(random(0, all.length))];
    await Promise.all(victims.map((id) => cluster.kill(id)));
    killed += victims.length;
    // Short enough to be caught up with from the log, or so long that it takes a snapshot.
    if (Math.random() < 0.5) await sleep(random(0, 1_500));
    for (const id of victims) cluster.startServer(id);
  }
  return killed;
}

/** What may not be: an acknowledged update that is not where it was said to be, or one that was executed twice. */
function misplaced(acknowledged: ReadonlyMap<string, number>, collector: LogCollector): string[] {
  const executed = new Map<string, number[]>();
  for (const [seq, entry] of collector.entries) {
    if (!entry.executed) continue;
    executed.set(entry.update, [...(executed.get(entry.update) ?? []), seq]);
  }
  const lost = [...acknowledged]
    .filter(([update, seq]) => executed.get(update)?.includes(seq) !== true)
    .map(
      ([update, seq]) =>
        `${update} was acknowledged at seq ${seq}, and stands at ${executed.get(update)?.join(" and ") ?? "no place"}`,
    );
  const twice = [...executed]
    .filter(([, seqs]) => seqs.length > 1)
    .map(([update, seqs]) => `${update} was executed at ${seqs.join(" and ")}`);
  return [...lost, ...twice];
}

test(`servers killed for ${SECONDS} s lose nothing that was acknowledged and execute nothing twice, whatever they compact`, async () => {
  await withCluster({ args: SNAPSHOTS }, async (cluster) => {
    const transport = newClientTransport();
    const client = connect({ servers: cluster.addresses, transport: newClientTransport() });
    const collector = new LogCollector(transport, cluster.addresses);
    const load = new Load(client, collector);
    try {
      const end = performance.now() + SECONDS * 1000;
      const killed = await killAndRestart(
        cluster,
        () => performance.now() < end || load.acknowledged.size < LEAST,
      );
      await load.stop();
      const last = Math.max(...load.acknowledged.values());
      await until(
        "the log of every server has been followed to its end",
        () => cluster.addresses.every((_, id) => collector.reached(id) >= last),
        60_000,
      );
      const { acknowledged } = load;
      console.log(
        `${acknowledged.size} acknowledged, ${killed} killed, ${collector.gaps} times a part of the log was gone`,
      );
      expect(collector.frontier).toBeGreaterThanOrEqual(last);
      expect(collector.differences).toEqual([]);
      expect(misplaced(acknowledged, collector)).toEqual([]);
      expect(acknowledged.size).toBeGreaterThanOrEqual(SECONDS < 60 ? LEAST : 10_000);
      for (const id of cluster.running) {
        const { firstSeq = 0n } = (await cluster.status(id)) ?? {};
        expect(Number(firstSeq)).toBeGreaterThan(1);
      }
    } finally {
      await Promise.all([client.close(), collector.stop(), transport.close()]);
    }
  });
});
