// Disks that fill up, and that do not answer. They are file systems of their own, which takes root on Linux.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { StorageHealth } from "@paxos/proto";

import { Cluster } from "./cluster.js";
import { network, patient } from "./hosts.js";
import { until } from "./until.js";

jest.setTimeout(patient(180_000));

/** Why there is no small disk here; undefined when there can be one. */
function hindrance(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "only root on Linux can mount a small disk";
  if (network !== undefined) return "the hosts of this network share their disk";
  try {
    mount("tmpfs", "tmpfs", probe, "-o", "size=1m");
    umount(probe);
    return undefined;
  } catch (error) {
    return `nothing can be mounted here: ${String(error)}`;
  }
}

function mount(type: string, device: string, directory: string, ...options: string[]): void {
  run("mount", "-t", type, ...options, device, directory);
}

function umount(directory: string): void {
  run("umount", directory);
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: "pipe" });
}

let probe: string;

beforeEach(async () => {
  probe = await mkdtemp(join(tmpdir(), "paxos-mount-"));
});

afterEach(() => rm(probe, { recursive: true }));

/** Starts a cluster in which server 1 has a small disk of its own. */
async function withSmallDisk(
  args: readonly string[],
  body: (cluster: Cluster, disk: string) => Promise<void>,
): Promise<void> {
  const cluster = await Cluster.create({ args });
  const disk = cluster.dataDirectory(1);
  await mkdir(disk);
  mount("tmpfs", "tmpfs", disk, "-o", "size=32m");
  try {
    for (const id of [0, 1, 2]) cluster.startServer(id);
    await cluster.leader();
    await body(cluster, disk);
  } catch (error) {
    throw new Error(`${String(error)}\n${cluster.describe()}`, { cause: error });
  } finally {
    for (const id of cluster.running) await cluster.kill(id);
    umount(disk);
    await cluster.close();
  }
}

/** Leaves no room on a disk. What is returned gives it back. */
async function fill(disk: string): Promise<() => Promise<void>> {
  const file = join(disk, "filler");
  const handle = await open(file, "w");
  try {
    for (let size = 1024 * 1024; size > 0;) {
      try {
        const { bytesWritten } = await handle.write(new Uint8Array(size));
        if (bytesWritten < size) size = 0;
      } catch {
        size = Math.floor(size / 4);
      }
    }
  } finally {
    await handle.close();
  }
  return () => rm(file);
}

async function order(cluster: Cluster, count: number, name: string): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => `${name} ${i} ${"x".repeat(1_000)}`);
  expect(await cluster.submit(lines, ["--in-flight", "64"])).toMatchObject({ status: 0 });
}

test("a disk that is full ends its member with status 1, the reason and what to do; with room it goes on", async () => {
  const why = hindrance();
  if (why !== undefined) return console.log(`skipped: ${why}`);
  await withSmallDisk([], async (cluster, disk) => {
    await order(cluster, 50, "before");
    const free = await fill(disk);
    await order(cluster, 500, "without it");
    const full = cluster.server(1);
    await until("it ends", () => !full.running);
    const { status, stderr } = await full.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/error: storage has failed: .*No space left on device/i);
    expect(stderr).toMatch(
      /error: stopped: storage has failed: .*No space left on device.* Nothing that was acknowledged is lost\. Free space/i,
    );
    expect(stderr).not.toMatch(/^ +at /m);
    await order(cluster, 50, "still without it");
    await free();
    cluster.startServer(1);
    await cluster.leader();
    await cluster.level(600);
  });
});

test("told to wait, it stays and says so, and comes back by itself when there is room", async () => {
  const why = hindrance();
  if (why !== undefined) return console.log(`skipped: ${why}`);
  await withSmallDisk(["--on-storage-failure", "wait"], async (cluster, disk) => {
    await order(cluster, 50, "before");
    const free = await fill(disk);
    await order(cluster, 500, "without it");
    let detail = "";
    await until("its status says that its storage has failed", async () => {
      const status = await cluster.status(1);
      detail = status?.storageDetail ?? "";
      return status?.storageHealth === StorageHealth.FAILED;
    });
    expect(detail).toMatch(/No space left on device/i);
    const server = cluster.server(1);
    await until("it waits", () => server.stderr.includes("waits for the disk"));
    await free();
    await until("it comes back", () => server.stderr.includes("node 1 started anew"), 60_000);
    await cluster.level(550);
    await order(cluster, 50, "with it");
    await cluster.level(600);
    expect(server.stderr.split("waits for the disk").length - 1).toBe(1);
    expect(await server.end("SIGTERM")).toMatchObject({ status: 0 });
  });
});
