// A backup of a running cluster, and the new cluster that begins with it.
import { mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { create } from "@bufbuild/protobuf";
import { expect, jest, test } from "@jest/globals";
import type { ClientTransport } from "@paxos/core";
import { ClientUpdateSchema, UpdateKind } from "@paxos/proto";

import { type Cluster, withCluster } from "./cluster.js";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { patient, runOn } from "./hosts.js";
import { type Ended, spawnCommand } from "./program-process.js";
import { newClientTransport } from "./transport.js";
import { until } from "./until.js";

jest.setTimeout(patient(180_000));

const lines = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

const CLIENT = 77n;

async function submit(
  transport: ClientTransport,
  address: string,
  update: Parameters<typeof create<typeof ClientUpdateSchema>>[1],
) {
  return transport.clientUpdate(
    address,
    create(ClientUpdateSchema, { clientId: CLIENT, ...update }),
    AbortSignal.timeout(patient(20_000)),
  );
}

const restore = (cluster: Cluster, id: number, backup: string): Promise<Ended> =>
  spawnCommand(
    [
      "restore",
      "--backup",
      backup,
      "-h",
      cluster.hostfile,
      "-i",
      String(id),
      "--data-dir",
      cluster.dataDirectory(id),
    ],
    { run: runOn(id) },
  ).ended;

test("a new cluster begins with a backup: with its sessions, and without members of the old one", async () => {
  const args = ["--snapshot-every", "50", "--log-tail", "40"];
  await withCluster({ args }, async (cluster) => {
    const transport = newClientTransport();
    const backup = join(cluster.directory, "backup");
    try {
      // A client with a session, which will ask again.
      const leader = cluster.addresses[await cluster.leader()] ?? "";
      const { seq: session } = await submit(transport, leader, { kind: UpdateKind.REGISTER });
      const first = { session, timestamp: 1n, update: Buffer.from("first") };
      const { seq } = await submit(transport, leader, first);
      expect(await cluster.submit(lines(100, "before"))).toMatchObject({ status: 0 });
      await cluster.level();
      const taken = await spawnCommand(["backup", "-h", cluster.hostfile, "-i", "1", "-o", backup]).ended;
      expect(taken).toMatchObject({ status: 0, stdout: "" });
      const [, upTo] =
        /everything that was ordered up to seq (\d+), \d+ bytes; it is in /.exec(taken.stderr) ?? [];
      expect(await cluster.submit(["too late"])).toMatchObject({ status: 0 });
      // The cluster is lost, but for one node's data.
      for (const id of cluster.running) await cluster.kill(id);
      for (const id of [0, 1, 2]) await rename(cluster.dataDirectory(id), `${cluster.dataDirectory(id)}-old`);
      for (const id of [0, 1, 2]) {
        const { status, stdout, stderr } = await restore(cluster, id, backup);
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        expect(stdout).toContain(`begins with everything up to seq ${upTo}\n`);
      }
      for (const id of [0, 1, 2]) cluster.startServer(id);
      await cluster.leader();
      await cluster.level(Number(upTo));
      const again = await submit(transport, cluster.addresses[2] ?? "", first);
      expect(again).toMatchObject({ seq, duplicate: true });
      expect(await cluster.submit(lines(20, "after"))).toMatchObject({ status: 0 });
      const next = await submit(transport, cluster.addresses[0] ?? "", { ...first, timestamp: 2n });
      expect(next.duplicate).toBe(false);
      await cluster.level(Number(next.seq));
      const logs = await Promise.all([0, 1, 2].map((id) => cluster.log(id)));
      expect(logs[0]?.map(({ update }) => update)).toEqual([...lines(20, "after"), "first"]);
      expect(logs[1]).toEqual(logs[0]);
      expect(logs[2]).toEqual(logs[0]);
      // What is left of the old cluster is no member of the new one, though its hostfile is the same.
      await cluster.kill(0);
      await rename(cluster.dataDirectory(0), `${cluster.dataDirectory(0)}-new`);
      await rename(`${cluster.dataDirectory(0)}-old`, cluster.dataDirectory(0));
      const old = cluster.startServer(0);
      await until("it is refused", () => old.stderr.includes("refused by node"));
      expect((await cluster.status(0))?.leaderId).toBeUndefined();
      await cluster.kill(0);
      expect(await cluster.submit(["still"])).toMatchObject({ status: 0 });
    } finally {
      await transport.close();
    }
  });
});

test("members that were restored from different backups refuse each other", async () => {
  await withCluster({}, async (cluster) => {
    const files = [0, 1].map((n) => join(cluster.directory, `backup-${n}`));
    for (const file of files) {
      expect(await cluster.submit([file])).toMatchObject({ status: 0 });
      await cluster.level();
      expect(
        await spawnCommand(["backup", "--server", cluster.addresses[0] ?? "", "-o", file]).ended,
      ).toMatchObject({ status: 0 });
    }
    for (const id of cluster.running) await cluster.kill(id);
    for (const id of [0, 1, 2]) await rename(cluster.dataDirectory(id), `${cluster.dataDirectory(id)}-old`);
    for (const id of [0, 1]) expect(await restore(cluster, id, files[id] ?? "")).toMatchObject({ status: 0 });
    const servers = [0, 1].map((id) => cluster.startServer(id));
    await until("they refuse each other", () =>
      servers.every(({ stderr }) => stderr.includes("refused by node")),
    );
    for (const { stderr } of servers) expect(stderr).not.toContain(" leads view ");
  });
});

test("a backup is whole or not there, and replaces nothing unasked", async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const directory = join(cluster.directory, "backups");
    await mkdir(directory);
    const file = join(directory, "backup");
    const take = (...args: string[]) => spawnCommand(["backup", "-h", cluster.hostfile, ...args]).ended;
    expect(await cluster.submit(["x"])).toMatchObject({ status: 0 });
    await writeFile(file, "mine");
    expect(await take("-o", file)).toMatchObject({
      status: 2,
      stderr: `paxos-server: ${file} exists already; name another file, or replace it with --force\n`,
    });
    expect(await readFile(file, "utf8")).toBe("mine");
    expect(await take("-o", file, "--force")).toMatchObject({ status: 0 });
    const { status, stdout } = await take("-o", "-");
    expect(status).toBe(0);
    expect(stdout.startsWith("paxos-backup 1\n")).toBe(true);
    expect(await take("-o", join(directory, "none", "backup"))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("cannot be written: ENOENT"),
    });
    const [dead] = await freePorts(1);
    const lost = await take("--server", `127.0.0.1:${dead}`, "-o", join(directory, "other"));
    expect(lost.status).toBe(1);
    expect(lost.stderr).not.toMatch(/^ +at /m);
    expect(await readdir(directory)).toEqual(["backup"]);
  });
});

test("Ctrl-C, while the server does not answer, leaves no file", async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const connections: { destroy(): void }[] = [];
    const silent = createServer((socket) => void connections.push(socket.on("error", () => undefined)));
    const [port] = await freePorts(1);
    await new Promise<void>((resolve) => silent.listen(port, "127.0.0.1", resolve));
    const directory = join(cluster.directory, "backups");
    await mkdir(directory);
    const backup = spawnCommand(["backup", "--server", `127.0.0.1:${port}`, "-o", join(directory, "backup")]);
    try {
      await until("it asks", () => connections.length > 0);
      const { status, stderr } = await backup.end("SIGINT");
      expect({ status, stderr }).toEqual({ status: 1, stderr: "paxos-server: SIGINT: no backup was made\n" });
      expect(await readdir(directory)).toEqual([]);
    } finally {
      for (const connection of connections) connection.destroy();
      silent.close();
    }
  });
});

test("what cannot be restored from leaves nothing behind", async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const file = join(cluster.directory, "backup");
    expect(await cluster.submit(["x"])).toMatchObject({ status: 0 });
    expect(await spawnCommand(["backup", "-h", cluster.hostfile, "-o", file]).ended).toMatchObject({
      status: 0,
    });
    await cluster.kill(0);
    const bytes = await readFile(file);
    const target = join(cluster.directory, "target");
    await mkdir(target);
    const into = (backup: string, data = join(target, "node")) =>
      spawnCommand(["restore", "--backup", backup, "-h", cluster.hostfile, "-i", "0", "--data-dir", data])
        .ended;
    const changed = Buffer.from(bytes);
    changed[20] = (changed[20] ?? 0) ^ 1;
    const cases: [string, Uint8Array, string][] = [
      ["short", bytes.subarray(0, bytes.length - 5), "was cut short or changed since it was written"],
      ["changed", changed, "was cut short or changed since it was written"],
      ["newer", Buffer.from("paxos-backup 9\n"), "is a backup of version 9; this release reads version 1"],
      ["none", Buffer.from("something else"), "is not a backup"],
    ];
    for (const [name, content, problem] of cases) {
      const path = join(cluster.directory, name);
      await writeFile(path, content);
      const { status, stdout, stderr } = await into(path);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain(`paxos-server: ${path} ${problem}`);
      expect(stderr.split("\n").length).toBe(2);
    }
    expect(await readdir(target)).toEqual([]);
    // The member's own data are not overwritten.
    expect(await into(file, cluster.dataDirectory(0))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`${cluster.dataDirectory(0)} is not empty`),
    });
    // An empty directory will do.
    await mkdir(join(target, "node"));
    expect(await into(file)).toMatchObject({ status: 0 });
    expect(await readdir(target)).toEqual(["node"]);
  });
});
