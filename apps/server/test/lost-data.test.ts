// Data directories that are not what their member left: away for long, emptied, swapped, older, damaged.
import { chmod, cp, readFile, readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { create } from "@bufbuild/protobuf";
import { describe, expect, jest, test } from "@jest/globals";
import { LogRequestSchema } from "@paxos/proto";

import { type Cluster, withCluster } from "./cluster.js";
import { patient } from "./hosts.js";
import type { Ended } from "./program-process.js";
import { newClientTransport } from "./transport.js";
import { until } from "./until.js";

jest.setTimeout(patient(180_000));

const lines = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

/** Has lines ordered, many at a time. */
async function order(cluster: Cluster, count: number, name: string): Promise<void> {
  expect(await cluster.submit(lines(count, name), ["--in-flight", "64"])).toMatchObject({ status: 0 });
}

/** Resolves when every voter's storage is on record at all others: from then on a lost one is recognised. */
async function storesRecorded(cluster: Cluster): Promise<void> {
  await until("the storage of every voter is on record", async () => {
    const statuses = await Promise.all(cluster.running.map((id) => cluster.status(id)));
    return statuses.every((status) => status?.storesRecorded === true);
  });
}

/** Starts a server that is expected to end by itself, with words for its operator. */
async function startInVain(cluster: Cluster, id: number): Promise<Ended> {
  const server = cluster.startServer(id);
  await until(`server ${id} ends`, () => !server.running);
  const ended = await server.ended;
  expect(ended.stderr).not.toMatch(/^ +at /m);
  return ended;
}

test("a member that was away for longer than the logs reach back comes back by a snapshot", async () => {
  const args = ["--snapshot-every", "100", "--log-tail", "50"];
  await withCluster({ args }, async (cluster) => {
    await order(cluster, 50, "with it");
    await cluster.kill(1);
    await order(cluster, 1_000, "without it");
    await until("the others have compacted their logs", async () => {
      const statuses = await Promise.all(cluster.running.map((id) => cluster.status(id)));
      return statuses.every((status) => Number(status?.firstSeq ?? 0n) > 500);
    });
    const server = cluster.startServer(1);
    await until("it is level", async () => {
      const [own, other] = await Promise.all([cluster.status(1), cluster.status(0)]);
      return own !== undefined && own.localAru >= 1_000n && own.localAru === other?.localAru;
    });
    expect(server.stderr).toMatch(/does not hold what follows seq \d+ any more: fetches a snapshot from it/);
    await order(cluster, 10, "again");
    await cluster.level();
    const { firstSeq = 0n } = (await cluster.status(1)) ?? {};
    expect(Number(firstSeq)).toBeGreaterThan(500);
    // Who asks for what is gone is told where the log begins.
    const transport = newClientTransport();
    try {
      const request = create(LogRequestSchema, { fromSeq: 1n });
      const answers = [];
      for await (const answer of transport.log(
        cluster.addresses[1] ?? "",
        request,
        AbortSignal.timeout(patient(10_000)),
      ))
        answers.push(answer);
      expect(answers[0]).toMatchObject({ entries: [] });
      expect(answers[0]?.firstSeq).toBeGreaterThan(500n);
      expect(answers[1]?.entries[0]?.seq).toBeGreaterThanOrEqual(answers[0]?.firstSeq ?? 0n);
    } finally {
      await transport.close();
    }
  });
});

describe("a member is refused, told what to do, and not missed, when its directory", () => {
  test("was emptied, by removing its files", async () => {
    await withCluster({}, async (cluster) => {
      await order(cluster, 50, "before");
      await storesRecorded(cluster);
      await cluster.kill(2);
      for (const name of await readdir(cluster.dataDirectory(2)))
        if (name !== "PAXOS") await rm(join(cluster.dataDirectory(2), name), { recursive: true });
      const ended = await startInVain(cluster, 2);
      expect(ended.status).toBe(1);
      expect(ended.stderr).toContain(cluster.dataDirectory(2));
      await rm(join(cluster.dataDirectory(2)), { recursive: true });
      const anew = await startInVain(cluster, 2);
      expect(anew.status).toBe(1);
      expect(anew.stderr).toContain("emptied, swapped or kept in memory");
      expect(anew.stderr).toContain("paxos-client member replace OLD NEW HOST:PORT");
      await order(cluster, 50, "after");
    });
  });

  test("is another member's", async () => {
    await withCluster({}, async (cluster) => {
      await order(cluster, 50, "before");
      await storesRecorded(cluster);
      await cluster.kill(1);
      await cluster.kill(2);
      await rm(cluster.dataDirectory(2), { recursive: true });
      await cp(cluster.dataDirectory(1), cluster.dataDirectory(2), { recursive: true });
      const ended = await startInVain(cluster, 2);
      expect(ended.status).toBe(2);
      expect(ended.stderr).toContain("belongs to node 1, this is node 2; give each node its own storage");
      cluster.startServer(1);
      await cluster.leader();
      await order(cluster, 50, "after");
    });
  });

  test("is an older copy of itself", async () => {
    await withCluster({}, async (cluster) => {
      await order(cluster, 50, "before");
      await storesRecorded(cluster);
      const copy = join(cluster.directory, "copy");
      await cluster.server(2).end("SIGTERM");
      await cp(cluster.dataDirectory(2), copy, { recursive: true });
      cluster.startServer(2);
      await cluster.leader();
      await order(cluster, 50, "since");
      await cluster.level();
      await cluster.server(2).end("SIGTERM");
      await rename(cluster.dataDirectory(2), `${cluster.dataDirectory(2)}-latest`);
      await rename(copy, cluster.dataDirectory(2));
      const ended = await startInVain(cluster, 2);
      expect(ended.status).toBe(1);
      expect(ended.stderr).toMatch(
        /It is an older copy, or has lost its end, .*Start node 2 with its latest data directory/,
      );
      await order(cluster, 50, "after");
      // That is all it takes.
      await rm(cluster.dataDirectory(2), { recursive: true });
      await rename(`${cluster.dataDirectory(2)}-latest`, cluster.dataDirectory(2));
      cluster.startServer(2);
      await cluster.leader();
      await cluster.level();
    });
  });
});

describe("a store that cannot be used", () => {
  /** A cluster of one that holds something, and does not run. */
  async function withStopped(body: (cluster: Cluster, directory: string) => Promise<void>): Promise<void> {
    await withCluster({ nodes: 1 }, async (cluster) => {
      await order(cluster, 200, "line");
      await cluster.server(0).end("SIGTERM");
      await body(cluster, cluster.dataDirectory(0));
    });
  }

  test("is of another format: refused with status 2", async () => {
    await withStopped(async (cluster, directory) => {
      const marker = join(directory, "PAXOS");
      const text = await readFile(marker, "utf8");
      await writeFile(marker, text.replace(/\d+/, "99"));
      const ended = await startInVain(cluster, 0);
      expect(ended.status).toBe(2);
      expect(ended.stderr).toContain("99");
    });
  });

  test("lacks a file: refused with status 1", async () => {
    await withStopped(async (cluster, directory) => {
      await rm(join(directory, "CURRENT"));
      const ended = await startInVain(cluster, 0);
      expect(ended.status).toBe(1);
      expect(ended.stderr).toContain(directory);
    });
  });

  test("was cut short: its peers know better, and refuse it with status 1", async () => {
    await withCluster({}, async (cluster) => {
      await order(cluster, 200, "line");
      await storesRecorded(cluster);
      await cluster.server(1).end("SIGTERM");
      const directory = cluster.dataDirectory(1);
      for (const name of await readdir(directory)) {
        const file = join(directory, name);
        // As a file system leaves it that has lost the end of a file.
        if (name.endsWith(".log")) await truncate(file, Math.floor((await stat(file)).size / 2));
      }
      const ended = await startInVain(cluster, 1);
      expect(ended.status).toBe(1);
      await order(cluster, 50, "after");
    });
  });

  test("may not be written by this user: refused with status 2", async () => {
    if (process.getuid?.() === 0) {
      console.log("skipped: root may write everything");
      return;
    }
    await withStopped(async (cluster, directory) => {
      await chmod(directory, 0o500);
      const ended = await startInVain(cluster, 0);
      await chmod(directory, 0o700);
      expect(ended.status).toBe(2);
      expect(ended.stderr).toMatch(/cannot be used: .* Let this user read and write it/);
    });
  });
});
