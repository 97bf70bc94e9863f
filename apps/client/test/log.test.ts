import { beforeEach, describe, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { GloballyOrderedUpdateSchema, LogResponseSchema } from "@paxos/proto";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";
const B = "[::1]:2";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A, B]);
  hosts = await hostfile(`${A}\n${B}\n`);
  order(2, "two");
  order(3, "three");
  order(3, "three", true);
  order(5, Uint8Array.of(0xff));
});

function order(seq: number, update: string | Uint8Array, duplicate = false): void {
  const bytes = typeof update === "string" ? Buffer.from(update) : update;
  const entry = {
    seq: BigInt(seq),
    duplicate,
    update: { clientId: 2n ** 64n - 1n, timestamp: BigInt(seq), update: bytes },
  };
  cluster.ordered.push(create(GloballyOrderedUpdateSchema, entry));
}

test("prints seq and update, each update once", async () => {
  expect(await runClient(["log", "-h", hosts], cluster)).toMatchObject({
    status: 0,
    stdout: "2\ttwo\n3\tthree\n5\t\\xff\n",
    stderr: "",
  });
});

test("--json has 64-bit numbers as strings, and base64 for what is no text", async () => {
  const { stdout } = await runClient(["log", "-h", hosts, "--json", "--from", "3"], cluster);
  expect(stdout.trimEnd().split("\n")).toEqual([
    '{"seq":3,"clientId":"18446744073709551615","timestamp":"3","update":"three"}',
    '{"seq":5,"clientId":"18446744073709551615","timestamp":"5","update":"\ufffd","updateBase64":"/w=="}',
  ]);
});

test("--all shows duplicates, marked", async () => {
  expect((await runClient(["log", "-h", hosts, "--all"], cluster)).stdout).toContain(
    "3\tthree\n3\tthree\t(ordered again)\n",
  );
  expect((await runClient(["log", "-h", hosts, "--all", "--json"], cluster)).stdout).toContain(
    '"duplicate":true}\n',
  );
});

test("--follow goes on until it is interrupted", async () => {
  const client = new ClientRun(["log", "-h", hosts, "--follow"], cluster);
  await client.until(() => client.stdout.includes("5\t"));
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
  expect(client.stderr).toBe("");
});

describe("a log whose beginning is compacted", () => {
  const compacted = (server: string) =>
    `paxos-client: ${server} holds the log from seq 3 on; from seq 1 to 2 it is compacted`;

  test.each([[[]], [["--json"]]])("begins where it can, and says so: %j", async (flags) => {
    cluster.firstSeq = 3n;
    const { status, stdout, stderr } = await runClient(["log", "-h", hosts, ...flags], cluster);
    expect([status, stderr]).toEqual([0, `${compacted(`server 0 (${A})`)}\n`]);
    const json = flags.length > 0;
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => (json ? (JSON.parse(line) as { seq: number }).seq : Number.parseInt(line))),
    ).toEqual([3, 5]);
  });

  test.each([
    [["--from", "1"]],
    [["--from", "1", "--follow"]],
    [["--from", "1", "--server", "0", "--json"]],
    [["--from", "1", "--server", "0", "--follow"]],
  ])("is not read from before that by who asks for it: %j", async (flags) => {
    cluster.firstSeq = 3n;
    expect(await runClient(["log", "-h", hosts, ...flags], cluster)).toMatchObject({
      status: 1,
      stdout: "",
      stderr: `${compacted(`server 0 (${A})`)}; to go on from there: --from 3\n`,
    });
    const { status, stderr } = await runClient(["log", "-h", hosts, "--from", "3"], cluster);
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("is read from a server that holds more of it", async () => {
    cluster.firstSeqs.set(A, 3n);
    cluster.firstSeqs.set(B, 2n);
    expect(await runClient(["log", "-h", hosts, "--from", "2"], cluster)).toMatchObject({
      status: 0,
      stdout: "2\ttwo\n3\tthree\n5\t\\xff\n",
      stderr: "",
    });
    await runClient(["log", "-h", hosts], cluster);
    await runClient(["log", "-h", hosts, "--from", "3"], cluster);
    expect(cluster.logsRead).toEqual([B, B, A]);
  });

  test("once it is being followed is followed all the same, and said what is left out", async () => {
    cluster.cutLogAfter = 1;
    cluster.onCut = () => {
      cluster.firstSeq = 5n;
    };
    const client = new ClientRun(["log", "-h", hosts, "--from", "2", "--follow"], cluster);
    await client.until(() => client.stdout.includes("5\t"));
    expect(client.stdout).toBe("2\ttwo\n5\t\\xff\n");
    expect(client.stderr.trimEnd().split("\n")).toEqual([
      `paxos-client: server 0 (${A}): connection lost; going on at server 1 (${B}) from seq 3`,
      `paxos-client: server 1 (${B}) holds the log from seq 5 on; from seq 3 to 4 it is compacted`,
    ]);
    client.interrupt.abort("SIGINT");
    expect(await client.done).toBe(130);
  });

  test("by the time that it is read so far ends there, unless it is followed anywhere", async () => {
    const { log } = cluster;
    cluster.log = async function* (...args) {
      for await (const piece of log.apply(cluster, args)) {
        yield piece;
        yield create(LogResponseSchema, { firstSeq: 4n });
      }
    };
    for (const flags of [[], ["--server", "0"], ["--server", "0", "--follow"]]) {
      expect(await runClient(["log", "-h", hosts, ...flags], cluster)).toMatchObject({
        status: 1,
        stdout: "2\ttwo\n",
        stderr: `paxos-client: server 0 (${A}) holds the log from seq 4 on; from seq 3 to 3 it is compacted; to go on from there: --from 4\n`,
      });
    }
  });
});

test("a log that breaks off says where to go on", async () => {
  cluster.cutLogAfter = 2;
  const { status, stdout, stderr } = await runClient(["log", "-h", hosts], cluster);
  expect([status, stdout]).toEqual([1, "2\ttwo\n3\tthree\n"]);
  expect(stderr).toBe(`paxos-client: server 0 (${A}): connection lost; to go on from here: --from 4\n`);
});

test("asks the first server reached, or the one that is named", async () => {
  cluster.statuses.delete(A);
  expect(await runClient(["log", "-h", hosts], cluster)).toMatchObject({ status: 0 });
  expect(await runClient(["log", "-h", hosts, "--server", "1"], cluster)).toMatchObject({ status: 0 });
  expect(await runClient(["log", "-h", hosts, "--server", "0"], cluster)).toMatchObject({
    status: 1,
    stderr: `paxos-client: not reached: server 0 (${A}): connection refused\n`,
  });
});

test("--follow goes on at another server from where it was, when the one it reads fails", async () => {
  cluster.cutLogAfter = 2;
  const client = new ClientRun(["log", "-h", hosts, "--follow"], cluster);
  await client.until(() => client.stdout.includes("5\t"));
  expect(client.stdout).toBe("2\ttwo\n3\tthree\n5\t\\xff\n");
  expect(client.stderr).toBe(
    `paxos-client: server 0 (${A}): connection lost; going on at server 1 (${B}) from seq 4\n`,
  );
  expect(cluster.logsRead).toEqual([A, B]);
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
});

test("--follow waits for a server when none answers any more", async () => {
  cluster.cutLogAfter = 2;
  cluster.statuses.delete(B);
  const { statuses } = cluster;
  const kept = statuses.get(A);
  cluster.onCut = () => statuses.clear();
  const client = new ClientRun(["log", "-h", hosts, "--follow"], cluster);
  await client.until(() => client.stderr.includes("waiting"));
  expect(client.stderr).toBe(
    `paxos-client: server 0 (${A}): connection lost; no server answers, waiting for one to go on from seq 4\n`,
  );
  if (kept !== undefined) statuses.set(B, kept);
  await client.until(() => client.stdout.includes("5\t"));
  expect(client.stderr.trimEnd().split("\n")[1]).toBe(
    `paxos-client: server 0 (${A}): connection lost; going on at server 1 (${B}) from seq 4`,
  );
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
});

test("--follow of a named server ends when that one fails", async () => {
  cluster.cutLogAfter = 2;
  expect(await runClient(["log", "-h", hosts, "--follow", "--server", "1"], cluster)).toMatchObject({
    status: 1,
    stdout: "2\ttwo\n3\tthree\n",
    stderr: `paxos-client: server 1 (${B}): connection lost; to go on from here: --from 4\n`,
  });
});

test.each([
  [["-h", "/nowhere/hostfile"], "/nowhere/hostfile: no such hostfile; write one"],
  [["--nope"], "Unknown argument: nope; see paxos-client --help\n"],
  [["log", "--server", "2"], "bad --server 2: the hostfile names 2, with the ids from 0 to 1\n"],
])("bad input ends with status 2 and one line: %j", async (args, message) => {
  const { status, stdout, stderr } = await runClient(
    args[0] === "log" ? [...args, "-h", hosts] : args,
    cluster,
  );
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr.startsWith(`paxos-client: ${message}`)).toBe(true);
  expect(stderr.trimEnd().split("\n").length).toBe(1);
});
