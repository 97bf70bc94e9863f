import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { create } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { ClientHandler } from "@paxos/core";
import { ClientUpdateSchema } from "@paxos/proto";
import { ConnectReplicaTransport } from "@paxos/transport-connect";

import { FakeCluster } from "./fake-cluster.js";
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
  let cluster: FakeCluster;
  let transport: ConnectReplicaTransport;
  let hosts: string;

  beforeEach(async () => {
    transport = new ConnectReplicaTransport();
    transport.serve(handlerOf(() => cluster));
    await transport.start({
      identity: { clusterId: new Uint8Array(16), nodeId: 0, storeId: 1n },
      address: "127.0.0.1:0",
      peers: [],
      onMessage: () => undefined,
      admit: () => undefined,
      onConnected: () => undefined,
      onDisconnected: () => undefined,
      onRefused: () => undefined,
    });
    hosts = join(directory, "one");
    await writeFile(hosts, `${transport.address}\n`);
    cluster = new FakeCluster([transport.address ?? ""]);
  });

  afterEach(() => transport.close());

  test("piped lines are ordered, and in the log; the status is told", async () => {
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
    const numbered = lines.map((line, i) => `${i + 1}\t${line}\n`).join("");
    const sent = await runProcess(["-h", hosts], `${lines.join("\n")}\n`);
    expect(sent).toMatchObject({ status: 0, stdout: numbered });
    expect(await runProcess(["log", "-h", hosts])).toMatchObject({ status: 0, stdout: numbered, stderr: "" });
    const status = await runProcess(["status", "-h", hosts, "--json"]);
    expect(JSON.parse(status.stdout)).toMatchObject({ id: 0, address: transport.address, role: "leader" });
  });

  test("many lines in flight are nothing to complain about", async () => {
    const { status, stderr } = await runProcess(["-h", hosts, "--in-flight", "64"], "x\n".repeat(200));
    expect([status, stderr]).toEqual([0, `paxos-client: reached server 0 (${transport.address})\n`]);
  });

  test("the README's session is what happens", async () => {
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const [, session = ""] = /```console\n(.*?)```/s.exec(readme) ?? [];
    cluster.noops = 1;
    let said = "";
    for (const [, command = ""] of session.matchAll(/^\$ paxos-client *(.*)$/gm)) {
      const [args = "", input] = command.split(/ *< */);
      const updates = input === "updates.txt" ? "open the account\npay in 10\n" : "";
      const { stdout } = await runProcess(["-h", hosts, ...args.split(" ").filter(Boolean)], updates);
      said += `$ paxos-client ${command}\n${stdout}`;
    }
    expect(withoutChance(said)).toBe(withoutChance(session));
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s ends a client whose line gets no answer within a second, with status %i",
    async (signal, status) => {
      cluster.behaviours.set(transport.address ?? "", () => "hang");
      const client = new ClientProcess(["-h", hosts, "-v"]);
      client.child.stdin.write("stuck\nnever sent\n");
      await client.until(() => client.stderr.includes("sending to"));
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
      cluster.order(create(ClientUpdateSchema, { clientId: 1n, timestamp: BigInt(i), update }));
    const client = new ClientProcess(["log", "-h", hosts]);
    await client.until(() => client.stdout.startsWith("1\txxx"));
    client.child.stdout.destroy();
    expect(await client.ended).toMatchObject({ status: 0, stderr: "" });
  });
});

/** The fake cluster as a server has it. */
function handlerOf(cluster: () => FakeCluster): ClientHandler {
  return {
    clientUpdate: (update, signal) => cluster().clientUpdate(cluster().addresses[0] ?? "", update, signal),
    log: (request, signal) => cluster().log("", request, signal),
    status: () => cluster().status(cluster().addresses[0] ?? ""),
  };
}

/** Ports and client ids are others every time. */
function withoutChance(text: string): string {
  return text.replaceAll(/127\.0\.0\.1:\d{5}/g, "ADDRESS").replaceAll(/"clientId":"\d+"/g, '"clientId":"ID"');
}

test("a program that was not built says what to run", async () => {
  const bin = join(directory, "bin");
  await mkdir(bin);
  const program = join(bin, "paxos-client.mjs");
  await copyFile(new URL("../bin/paxos-client.js", import.meta.url), program);
  const { status, stderr } = await new ClientProcess([], { program }).ended;
  expect(status).toBe(1);
  expect(stderr).toMatch(/^paxos-client: not built: .*\npaxos-client: in the repository, run: pnpm build\n$/);
});
