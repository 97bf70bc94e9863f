// paxos-server inspect, on what real servers leave.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, jest, test } from "@jest/globals";

import { withCluster } from "./cluster.js";
import { patient } from "./hosts.js";
import { spawnCommand } from "./program-process.js";

jest.setTimeout(patient(120_000));

const inspect = (directory: string, ...args: string[]) =>
  spawnCommand(["inspect", "--data-dir", directory, ...args]).ended;

test("a store is verified and described while its server does not run", async () => {
  await withCluster({ nodes: 1, args: ["--snapshot-every", "100", "--log-tail", "50"] }, async (cluster) => {
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i}`);
    expect(await cluster.submit(lines, ["--in-flight", "32"])).toMatchObject({ status: 0 });
    const directory = cluster.dataDirectory(0);
    const inUse = await inspect(directory);
    expect(inUse).toMatchObject({ status: 2, stdout: "" });
    expect(inUse.stderr).toMatch(/^paxos-server: .* is in use already\. .*\n$/);

    await cluster.kill(0);
    const { status, stdout } = await inspect(directory);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^members {4}0 {2}127\.0\.0\.1:\d+ {2}this one$/m);
    expect(stdout).toMatch(/^log {8}seq [\d,]+ to 502: \d+ records?, /m);
    expect(stdout.endsWith("\n\nok: everything is there and whole\n")).toBe(true);
    const json = await inspect(directory, "--json");
    expect(json.status).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({
      state: { localAru: 502 },
      problems: [],
      problemCount: 0,
    });
    // It is as it was.
    cluster.startServer(0);
    await cluster.leader();
  });
});

test("what is no store, and what is damaged, is told with what to do", async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    expect(await cluster.submit(["x"])).toMatchObject({ status: 0 });
    await cluster.server(0).end("SIGTERM");
    const directory = cluster.dataDirectory(0);
    const empty = join(cluster.directory, "empty");
    await mkdir(empty);
    for (const nothing of [empty, join(cluster.directory, "none")]) {
      const { status, stderr } = await inspect(nothing);
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: `paxos-server: there is no storage in ${nothing}\n`,
      });
    }
    expect(await readdir(empty)).toEqual([]);
    const marker = join(directory, "PAXOS");
    const text = await readFile(marker, "utf8");
    await writeFile(marker, text.replace("format 2", "format 3"));
    expect(await inspect(directory)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("says format 3"),
    });
    await writeFile(marker, text);
    for (const name of await readdir(directory)) if (name.endsWith(".log")) await rm(join(directory, name));
    for (const name of await readdir(directory)) if (name.endsWith(".ldb")) await rm(join(directory, name));
    const damaged = await inspect(directory);
    expect(damaged.status).toBe(1);
    expect(damaged.stdout + damaged.stderr).toContain("replace this member");
  });
});
