// What the cluster promises when the cable of a host is cut, on a network of hosts (scripts/test-network.mjs).
import { describe, expect, jest, test } from "@jest/globals";

import { type Cluster, type LogEntry, withCluster } from "./cluster.js";
import { type Cut, cut, hostOf, mend, network, patient } from "./hosts.js";
import type { ProgramProcess } from "./program-process.js";
import { until } from "./until.js";

jest.setTimeout(patient(60_000));

const CUTS: readonly Cut[] = ["both ways", "unplugged", "outgoing", "incoming"];

const answersOf = (client: ProgramProcess) => client.stdout.split("\n").slice(0, -1);

const send = (client: ProgramProcess, ...lines: string[]) =>
  client.child.stdin.write(lines.map((line) => `${line}\n`).join(""));

/** A client with an update under way at any time, until it is told to stop. */
class Traffic {
  readonly lines: string[] = [];
  #stopped = false;
  readonly #written: Promise<void>;

  constructor(readonly client: ProgramProcess) {
    this.#written = this.#write();
  }

  /** Resolves when this many more updates were answered. */
  async goesOn(count: number): Promise<void> {
    const before = answersOf(this.client).length;
    await until(`${count} more updates are ordered`, () => answersOf(this.client).length >= before + count);
  }

  /** Stops writing, and resolves when all is answered. */
  async end(): Promise<void> {
    this.#stopped = true;
    await this.#written;
    this.client.child.stdin.end();
    const { status, stderr } = await this.client.ended;
    if (status !== 0) throw new Error(`the client failed: ${stderr}`);
  }

  async #write(): Promise<void> {
    while (!this.#stopped && this.client.running) {
      const line = `traffic ${this.lines.length}`;
      this.lines.push(line);
      send(this.client, line);
      await until(
        "a few updates at most wait",
        () => answersOf(this.client).length > this.lines.length - 8 || !this.client.running,
      );
    }
  }
}

/** The log, the same on all servers, in which everything is at the seq that clients were told, once. */
async function expectOneLog(cluster: Cluster, clients: readonly ProgramProcess[]): Promise<LogEntry[]> {
  await cluster.level();
  expect(cluster.running).toEqual([0, 1, 2]);
  const [log = [], ...others] = await Promise.all(cluster.running.map((id) => cluster.log(id)));
  for (const other of others) expect(other).toEqual(log);
  const lines = new Set(log.map(({ seq, update }) => `${seq}\t${update}`));
  for (const client of clients) {
    for (const answer of answersOf(client)) expect(lines).toContain(answer);
  }
  expect(new Set(log.map(({ update }) => update)).size).toBe(log.length);
  return log;
}

/** What a server says of itself to somebody on its own host. */
async function roleOnHost(cluster: Cluster, id: number): Promise<string | undefined> {
  const { stdout } = await cluster.startClient(["status", "--json"], id).ended;
  return (JSON.parse(stdout.split("\n")[0] || "{}") as { role?: string }).role;
}

test("the network is as slow as it says", async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const before = performance.now();
    await cluster.status(0);
    expect(performance.now() - before).toBeGreaterThanOrEqual(network?.roundTripMs ?? Infinity);
  });
});

describe.each(CUTS)("cut %s", (how) => {
  test.each(["leader", "follower"])(
    "the cable of the %s: the others go on, and nothing is lost",
    async (role) => {
      await withCluster({}, async (cluster) => {
        const leader = await cluster.leader();
        const node = role === "leader" ? leader : (leader + 1) % 3;
        const others = [0, 1, 2].filter((id) => id !== node);
        const inside = cluster.startClient(["--timeout", "0"], node);
        send(inside, "before the cut");
        await until("the client beside the server is answered", () => answersOf(inside).length === 1);
        const traffic = new Traffic(cluster.startClient(["--in-flight", "4", "--timeout", "0"]));
        await traffic.goesOn(10);
        const said = cluster.servers.map((server) => server?.stderr.length ?? 0);
        const since = (id: number) => cluster.server(id).stderr.slice(said[id]);

        await cut(hostOf(node), how);
        send(inside, "while cut off");
        await traffic.goesOn(20);
        await until("both ends of every connection notice", () =>
          others.every(
            (id) =>
              since(id).includes(`not connected to node ${node} `) &&
              since(node).includes(`not connected to node ${id} `),
          ),
        );
        await until("the server that is cut off does not lead", async () => {
          const said = await roleOnHost(cluster, node);
          return said !== undefined && said !== "leader";
        });
        const statuses = await Promise.all(others.map((id) => cluster.status(id)));
        expect(statuses.map((status) => Number(status?.leaderId ?? node))).not.toContain(node);
        await traffic.goesOn(10);
        expect(answersOf(inside)).toHaveLength(1);

        await mend(hostOf(node));
        await until("the client beside the server is answered", () => answersOf(inside).length === 2);
        await traffic.end();
        inside.child.stdin.end();
        expect(await inside.ended).toMatchObject({ status: 0 });
        const log = await expectOneLog(cluster, [inside, traffic.client]);
        expect(log.map(({ update }) => update).toSorted()).toEqual(
          [...traffic.lines, "before the cut", "while cut off"].toSorted(),
        );
      });
    },
  );

  test("the cable of the client: it goes on when that is mended, and nothing is ordered twice", async () => {
    await withCluster({}, async (cluster) => {
      const own = network?.own;
      if (own === undefined) throw new Error("the tests are on no host");
      const traffic = new Traffic(cluster.startClient(["--in-flight", "4", "--timeout", "0"]));
      await traffic.goesOn(20);
      await cut(own, how);
      try {
        // So long that connections are given up, on both sides.
        await until("no server answers", async () => (await cluster.status(0)) === undefined);
      } finally {
        await mend(own);
      }
      await traffic.goesOn(20);
      await traffic.end();
      const log = await expectOneLog(cluster, [traffic.client]);
      expect(log.map(({ update }) => update).toSorted()).toEqual(traffic.lines.toSorted());
    });
  });
});
