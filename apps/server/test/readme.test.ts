import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, jest, test } from "@jest/globals";

import { freePorts } from "./free-ports.js";
import { addressOf, patient, runOn } from "./hosts.js";
import { type ProgramProcess, spawnClient, spawnServer } from "./program-process.js";
import { until } from "./until.js";

jest.setTimeout(patient(60_000));

test("the README's commands start a cluster that orders updates", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const [, hostfile = "", , script = ""] = /```\n(.*?)```(.*?)```sh\n(.*?)```/s.exec(readme) ?? [];
  const directory = await mkdtemp(join(tmpdir(), "paxos-readme-"));
  const servers: ProgramProcess[] = [];
  const printed: string[] = [];
  try {
    // The README's ports may be taken here.
    const ports = await freePorts(hostfile.split("\n").length - 1);
    const addresses = ports.map((port, id) => `${addressOf(id)}:${port}`);
    await writeFile(
      join(directory, "hostfile"),
      hostfile.replace(/\S+/g, () => addresses.shift() ?? "more lines than the hostfile has"),
    );
    const options = {
      cwd: directory,
      env: { XDG_DATA_HOME: directory, LOCALAPPDATA: directory, HOME: directory },
    };
    for (const line of script.trim().split("\n")) {
      const [program, ...args] = line.replace(/ (&|< updates\.txt)$/, "").split(" ");
      if (program === "paxos-server") {
        servers.push(spawnServer(args, { ...options, run: runOn(servers.length) }));
        continue;
      }
      // The last one may not have heard yet that what its peers answered is ordered.
      await until(`${line} prints both updates`, async () => {
        const client = spawnClient(args, options);
        client.child.stdin.end("open the account\npay in 10\n");
        const ended = await client.ended;
        printed.push(ended.stdout);
        return ended.stdout.split("\n").length === 3;
      });
    }
  } finally {
    await Promise.all(servers.map((server) => server.end("SIGKILL")));
    await rm(directory, { recursive: true });
  }
  expect(printed[0]).toMatch(/^\d+\topen the account\n\d+\tpay in 10\n$/);
  expect(printed.at(-1)).toBe(printed[0]);
});
