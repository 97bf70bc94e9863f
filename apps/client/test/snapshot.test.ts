import { beforeEach, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";
const B = "[::1]:2";
const C = "127.0.0.1:3";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A, B, C]);
  cluster.hidden = 3_000;
  hosts = await hostfile(`${A}\n${B}\n${C}\n`);
});

const run = (...args: string[]) => runClient(["snapshot", "-h", hosts, ...args], cluster);

test("every server takes a snapshot, and says which", async () => {
  expect(await run()).toMatchObject({
    status: 0,
    stderr: "",
    stdout: [
      `server 0 (${A}): snapshot at seq 3000, 1.2 MiB; its log begins at seq 1501`,
      `server 1 (${B}): snapshot at seq 3000, 1.2 MiB; its log begins at seq 1501`,
      `server 2 (${C}): snapshot at seq 3000, 1.2 MiB; its log begins at seq 1501`,
      "",
    ].join("\n"),
  });
  expect(cluster.snapshotsAsked).toEqual([A, B, C]);
  expect(cluster.closed).toBe(1);
});

test("or the one that is named", async () => {
  const { status, stdout } = await run("--server", "1", "--json");
  expect([status, stdout]).toEqual([
    0,
    `{"id":1,"address":"${B}","seq":3000,"bytes":1234567,"firstSeq":1501}\n`,
  ]);
  expect(cluster.snapshotsAsked).toEqual([B]);
  expect(await run("--server", "3")).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "paxos-client: bad --server 3: the hostfile names 3, with the ids from 0 to 2\n",
  });
});

test("those that cannot are told, and the others do", async () => {
  cluster.statuses.delete(A);
  cluster.snapshotRefusals.set(B, new RequestError("invalid", "this state machine gives no snapshots"));
  expect(await run()).toMatchObject({
    status: 1,
    stdout: `server 2 (${C}): snapshot at seq 3000, 1.2 MiB; its log begins at seq 1501\n`,
    stderr: [
      `paxos-client: server 0 (${A}): connection refused`,
      `paxos-client: server 1 (${B}): this state machine gives no snapshots`,
      "",
    ].join("\n"),
  });
  const { status, stdout, stderr } = await run("--json");
  expect([status, stderr]).toEqual([1, ""]);
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { id: 0, address: A, error: "connection refused" },
    { id: 1, address: B, error: "this state machine gives no snapshots" },
    { id: 2, address: C, seq: 3000, bytes: 1_234_567, firstSeq: 1501 },
  ]);
});

test("it waits for a server that takes long, until it is interrupted", async () => {
  cluster.snapshotRefusals.set(B, "hang");
  const client = new ClientRun(["snapshot", "-h", hosts], cluster);
  await client.until(() => client.stdout.includes("server 0"));
  await client.time.wait(3_600_000, new AbortController().signal);
  expect(client.stdout).not.toContain("server 2");
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
  expect(client.stderr).toBe(`paxos-client: server 1 (${B}): no answer yet\n`);
  expect(client.stdout).toContain("server 2");
});
