// What the cluster promises, with real processes that are really killed.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, jest, test } from "@jest/globals";

import { Cluster, type LogEntry, withCluster } from "./cluster.js";
import { patient, runOn } from "./hosts.js";
import { spawnServer } from "./program-process.js";
import { until } from "./until.js";

// Deadlines of single steps are in `until`; this one is for a busy host.
jest.setTimeout(patient(120_000));

const lines = (count: number, name = "line") => Array.from({ length: count }, (_, i) => `${name} ${i}`);

const updates = (log: readonly LogEntry[]) => log.map(({ update }) => update);

const survivorsOf = (cluster: Cluster, ...dead: number[]) =>
  cluster.running.filter((id) => !dead.includes(id));

/** The running servers' logs, which must be the same. */
async function commonLog(cluster: Cluster): Promise<LogEntry[]> {
  await cluster.level();
  const [first = [], ...others] = await Promise.all(cluster.running.map((id) => cluster.log(id)));
  for (const other of others) expect(other).toEqual(first);
  return first;
}

test("three servers give the lines of several clients one order, each client's in its own", async () => {
  await withCluster({}, async (cluster) => {
    const clients = ["a", "b", "c"].map((name) => lines(100, name));
    const ended = await Promise.all(clients.map((input) => cluster.submit(input)));
    for (const { status, stdout } of ended) {
      expect(status).toBe(0);
      expect(stdout.split("\n").length - 1).toBe(100);
    }
    const log = await commonLog(cluster);
    expect(updates(log).toSorted()).toEqual(clients.flat().toSorted());
    for (const [i, input] of clients.entries()) {
      const name = "abc"[i] ?? "";
      expect(updates(log).filter((update) => update.startsWith(name))).toEqual(input);
    }
    expect(ended[0]?.stdout).toBe(
      log
        .filter(({ update }) => update.startsWith("a"))
        .map(({ seq, update }) => `${seq}\t${update}\n`)
        .join(""),
    );
  });
});

test("kill -9 of the leader amid 1,000 piped lines: each is in the log exactly once, in its order, on all", async () => {
  await withCluster({}, async (cluster) => {
    const input = lines(1_000);
    const leader = await cluster.leader();
    const client = cluster.startClient();
    client.child.stdin.end(input.join("\n"));
    await until("some lines are ordered", () => client.stdout.split("\n").length > 100);
    await cluster.kill(leader);
    const { status, stdout, stderr } = await client.ended;
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const log = await commonLog(cluster);
    expect(cluster.running).toEqual(survivorsOf(cluster, leader));
    expect(updates(log)).toEqual(input);
    expect(stdout).toBe(log.map(({ seq, update }) => `${seq}\t${update}\n`).join(""));
    cluster.startServer(leader);
    await until("the restarted server answers", async () => (await cluster.status(leader)) !== undefined);
    expect(updates(await commonLog(cluster))).toEqual(input);
  });
});

test("kill -9 of all servers loses nothing that a client was told of, and executes nothing twice", async () => {
  await withCluster({}, async (cluster) => {
    const client = cluster.startClient(["--in-flight", "64", "--timeout", String(patient(60))]);
    const input = lines(2_000);
    client.child.stdin.end(input.join("\n"));
    await until("some lines are ordered", () => client.stdout.split("\n").length > 500);
    await Promise.all(cluster.running.map((id) => cluster.kill(id)));
    const told = client.stdout.split("\n").slice(0, -1);
    cluster.addresses.forEach((_, id) => cluster.startServer(id));
    // The client was never stopped: it finishes with the servers that have come back.
    const { status, stdout, stderr } = await client.ended;
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const log = await commonLog(cluster);
    expect(updates(log).toSorted()).toEqual(input.toSorted());
    const bySeq = new Map(log.map(({ seq, update }) => [seq, `${seq}\t${update}`]));
    for (const line of told) expect(bySeq.get(Number(line.split("\t")[0]))).toBe(line);
    expect(stdout.split("\n").slice(0, told.length)).toEqual(told);
  });
});

test("servers may start in any order, minutes apart, and need a majority only", async () => {
  const cluster = await Cluster.create({ args: ["--connect-timeout", "0"] });
  try {
    cluster.startServer(2);
    await until("the first server listens", async () => (await cluster.status(2)) !== undefined);
    cluster.startServer(0);
    await cluster.leader();
    expect(await cluster.submit(lines(20))).toMatchObject({ status: 0 });
    cluster.startServer(1);
    await until("the last server answers", async () => (await cluster.status(1)) !== undefined);
    expect(updates(await commonLog(cluster))).toEqual(lines(20));
  } finally {
    await cluster.close();
  }
});

test("a server whose disk was emptied is refused, and says how to go on", async () => {
  await withCluster({}, async (cluster) => {
    await storesRecorded(cluster);
    expect(await cluster.submit(["before"])).toMatchObject({ status: 0 });
    await cluster.kill(0);
    await rm(cluster.dataDirectory(0), { recursive: true });
    const { status, stderr } = await cluster.startServer(0).ended;
    expect(status).toBe(1);
    expect(stderr).toContain("refused by node");
    expect(stderr).not.toMatch(/^ +at /m);
    expect(await cluster.submit(["after"])).toMatchObject({ status: 0 });
    expect(updates(await commonLog(cluster))).toEqual(["before", "after"]);
  });
});

test("a memory-only server that comes back is refused", async () => {
  await withCluster({ inMemory: true }, async (cluster) => {
    await storesRecorded(cluster);
    expect(cluster.server(2).stderr).toContain("warning: in memory:");
    await cluster.server(2).end("SIGTERM");
    expect(await cluster.startServer(2).ended).toMatchObject({ status: 1 });
    expect(await cluster.submit(["x"])).toMatchObject({ status: 0 });
  });
});

test("the hostfile of another cluster on the same ports is refused; nothing is lost", async () => {
  await withCluster({}, async (cluster) => {
    await cluster.kill(1);
    // Same members, another order: another cluster.
    const hostfile = join(cluster.directory, "reversed");
    await writeFile(hostfile, cluster.addresses.toReversed().join("\n"));
    const seconds = patient(1);
    const args = ["-h", hostfile, "-i", "1", "--in-memory", "--connect-timeout", String(seconds)];
    const { status, stderr } = await spawnServer(args, { run: runOn(1) }).ended;
    expect(status).toBe(1);
    expect(stderr).toContain("refused by node");
    expect(stderr).toContain(`reached no peer within ${seconds} s`);
    expect(await cluster.submit(["x"])).toMatchObject({ status: 0 });
  });
});

async function storesRecorded(cluster: Cluster): Promise<void> {
  await until("the storage of every voter is on record", async () => {
    const statuses = await Promise.all(cluster.running.map((id) => cluster.status(id)));
    return statuses.every((status) => status?.storesRecorded === true);
  });
}

test("reads, of every server, right after each update, also when the leader has just been killed, miss nothing", async () => {
  await withCluster({}, async (cluster) => {
    const read = async (args: readonly string[] = []): Promise<number> => {
      const client = cluster.startClient(["read", ...args]);
      client.child.stdin.end();
      const { status, stdout, stderr } = await client.ended;
      if (status !== 0) throw new Error(`not answered: ${stderr}`);
      return Number(stdout);
    };
    const submitOne = async (line: string): Promise<number> => {
      const { status, stdout } = await cluster.submit([line]);
      expect(status).toBe(0);
      return Number(stdout.split("\t")[0]);
    };
    // The first no-op of the leader is not to count.
    await submitOne("the first one");
    await cluster.level();
    const before = (await cluster.status(0))?.localAru ?? 0n;
    for (const id of [0, 1, 2]) {
      const seq = await submitOne(`line ${id}`);
      expect(await read(["--server", String(id)])).toBeGreaterThanOrEqual(seq);
    }
    await cluster.level();
    const after = (await cluster.status(0))?.localAru ?? 0n;
    await Promise.all(Array.from({ length: 10 }, () => read()));
    // Three clients have registered, and three updates come with them; reads have no place in the order.
    expect([after - before, (await cluster.status(0))?.localAru]).toEqual([6n, after]);
    const seq = await submitOne("the last one");
    await cluster.kill(await cluster.leader());
    expect(await read()).toBeGreaterThanOrEqual(seq);
  });
});
