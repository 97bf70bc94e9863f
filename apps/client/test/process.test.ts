import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { create } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { ClientUpdateSchema } from "@paxos/proto";

import { ServedCluster } from "./served-cluster.js";
import { ClientProcess, runProcess } from "./spawn-client.js";

// Processes take their time to start on a busy host.
jest.setTimeout(60_000);

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-client-"));
  await mkdir(join(directory, "folder"));
  await writeFile(join(directory, "empty"), "# nobody\n");
  await writeFile(join(directory, "bad"), "a\nb:0\n");
  await writeFile(join(directory, "twice"), "a\nA:2346\n");
  await writeFile(join(directory, "three"), "a\nb\nc\n");
});

afterAll(() => rm(directory, { recursive: true }));

describe("bad input ends with status 2, one line that says what to do, and no stack trace", () => {
  test.each([
    [[], "hostfile: no such hostfile; write one with a host or host:port a line, or name another with -h"],
    [["-h", "folder"], "folder: is a directory; name a hostfile with -h"],
    [["-h", "empty"], "empty: names no host; write one host or host:port a line"],
    [["-h", "bad"], 'bad:2: bad port "0"; use a number from 1 to 65535'],
    [["-h", "twice"], "twice:2: a:2346 is on line 1 already; give each member its own"],
    [
      ["log", "-h", "three", "--server", "3"],
      "bad --server 3: the hostfile names 3, with the ids from 0 to 2",
    ],
    [["--nope"], "Unknown argument: nope; see paxos-client --help"],
    [["nope"], "Unknown argument: nope; see paxos-client --help"],
    [["-p", "http"], 'bad --port "http": give a number from 1 to 65535; see paxos-client --help'],
  ])("%j", async (args, message) => {
    expect(await runProcess(args, "x\n", directory)).toEqual({
      status: 2,
      signal: null,
      stdout: "",
      stderr: `paxos-client: ${message}\n`,
    });
  });
});

test("--help and --version need no hostfile", async () => {
  expect(await runProcess(["--help"])).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringContaining("--hostfile"),
  });
  expect(await runProcess(["--version"])).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringMatching(/^\d+\.\d+/),
  });
});

describe("with a server", () => {
  let served: ServedCluster;
  let hosts: string;

  beforeEach(async () => {
    served = await ServedCluster.start(directory);
    hosts = served.hostfile;
  });

  afterEach(() => served.close());

  test("piped lines are ordered, and in the log; the status is told", async () => {
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
    const numbered = lines.map((line, i) => `${i + 1}\t${line}\n`).join("");
    const sent = await runProcess(["-h", hosts], `${lines.join("\n")}\n`);
    expect(sent).toMatchObject({ status: 0, stdout: numbered });
    expect(await runProcess(["log", "-h", hosts])).toMatchObject({ status: 0, stdout: numbered, stderr: "" });
    const status = await runProcess(["status", "-h", hosts, "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({ id: 0, address: served.address, role: "leader" });
  });

  test("many lines in flight are nothing to complain about", async () => {
    const { status, stderr } = await runProcess(["-h", hosts, "--in-flight", "64"], "x\n".repeat(200));
    expect([status, stderr]).toEqual([0, `paxos-client: reached server 0 (${served.address})\n`]);
  });

  test("an update of any bytes goes in by way of standard input", async () => {
    const bytes = Buffer.from([0, 0xff, 0x0a]);
    expect(await runProcess(["submit", "-h", hosts, "--stdin"], bytes)).toEqual({
      status: 0,
      signal: null,
      stdout: "1\n",
      stderr: "",
    });
    expect(Buffer.from(served.fake.ordered[0]?.update?.update ?? [])).toEqual(bytes);
  });

  test("SIGINT ends a benchmark, with the result so far", async () => {
    const client = new ClientProcess(["bench", "-h", hosts, "--duration", "600", "--json"]);
    while (served.fake.ordered.length < 1_000) await new Promise(setImmediate);
    client.child.kill("SIGINT");
    const { status, stdout, stderr } = await client.ended;
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, failed: 0, clients: 1, inFlight: 64 });
    expect(stderr).toMatch(/^paxos-client: interrupted after [\d.]+ s; this is the result so far\n$/);
  });

  test("a watched status ends with the signal", async () => {
    const client = new ClientProcess(["status", "-h", hosts, "--watch", "0.1", "--json"]);
    await client.until(() => client.stdout.split("\n").length > 3);
    client.child.kill("SIGINT");
    expect(await client.ended).toMatchObject({ status: 130, stderr: "" });
    expect(JSON.parse(client.stdout.split("\n")[0] ?? "")).toMatchObject([{ role: "leader" }]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s ends a client whose line gets no answer within a second, with status %i",
    async (signal, status) => {
      served.fake.behaviours.set(served.address, () => "hang");
      const client = new ClientProcess(["-h", hosts, "-v"]);
      client.child.stdin.write("stuck\nnever sent\n");
      await client.until(() => client.stderr.includes("update 1 of"));
      const before = performance.now();
      client.child.kill(signal);
      expect(await client.ended).toMatchObject({ status, signal: null });
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(client.stderr).toContain(
        "interrupted: 0 lines ordered, 1 not known to be; the rest was not sent\n",
      );
    },
  );

  test("a signal ends a client that follows the log", async () => {
    const client = new ClientProcess(["log", "-h", hosts, "--follow"]);
    await runProcess(["-h", hosts], "one\n");
    const other = new ClientProcess(["log", "-h", hosts, "--follow"]);
    await other.until(() => other.stdout === "1\tone\n");
    for (const follower of [client, other]) follower.child.kill("SIGTERM");
    expect(await client.ended).toMatchObject({ status: 143, stderr: "" });
    expect(await other.ended).toMatchObject({ status: 143, stderr: "" });
  });

  test("a reader that has had enough ends the log without a word", async () => {
    // More than fits into the pipe.
    const update = Buffer.alloc(10_000, "x");
    for (let i = 0; i < 200; i++)
      served.fake.order(create(ClientUpdateSchema, { clientId: 1n, timestamp: BigInt(i), update }));
    const client = new ClientProcess(["log", "-h", hosts]);
    await client.until(() => client.stdout.startsWith("1\txxx"));
    client.child.stdout.destroy();
    expect(await client.ended).toMatchObject({ status: 0, stderr: "" });
  });
});

test("a program that was not built says what to run", async () => {
  const bin = join(directory, "bin");
  await mkdir(bin);
  const program = join(bin, "paxos-client.mjs");
  await copyFile(new URL("../bin/paxos-client.js", import.meta.url), program);
  const { status, stderr } = await new ClientProcess([], { program }).ended;
  expect(status).toBe(1);
  expect(stderr).toMatch(/^paxos-client: not built: .*\npaxos-client: in the repository, run: pnpm build\n$/);
});
