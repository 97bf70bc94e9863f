import { beforeEach, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A]);
  hosts = await hostfile(A);
});

const orderedBytes = () => cluster.ordered.map(({ update }) => Buffer.from(update?.update ?? []));

test("each argument is an update, ordered one after another", async () => {
  expect(await runClient(["submit", "-h", hosts, "one", "", "-v", "zwö"], cluster)).toMatchObject({
    status: 0,
    stdout: "1\n2\n3\n",
  });
  expect(orderedBytes().map(String)).toEqual(["one", "", "zwö"]);
});

test("it says nothing but the seq", async () => {
  expect(await runClient(["submit", "-h", hosts, "one"], cluster)).toMatchObject({
    status: 0,
    stdout: "1\n",
    stderr: "",
  });
  const { stdout } = await runClient(["submit", "-h", hosts, "--json", "two"], cluster);
  expect(stdout).toBe('{"seq":2,"update":"two"}\n');
});

test.each([[[]], [["--stdin"]]])("standard input is one update, to its last byte: %j", async (flags) => {
  const bytes = Buffer.from([0x00, 0xff, 0x0a, 0x0d, 0x0a, 0x61, 0x0a]);
  expect(await runClient(["submit", "-h", hosts, ...flags], cluster, bytes)).toMatchObject({
    status: 0,
    stdout: "1\n",
  });
  expect(orderedBytes()).toEqual([bytes]);
});

test("standard input may be as large as an update, and no larger", async () => {
  const args = ["submit", "-h", hosts];
  expect(await runClient(args, cluster, Buffer.alloc(1_048_576))).toMatchObject({ status: 0 });
  expect(await runClient(args, cluster, Buffer.alloc(1_048_577))).toMatchObject({
    status: 1,
    stdout: "",
    stderr: "paxos-client: not ordered: it has more than 1048576 bytes, and an update at most 1048576\n",
  });
  expect(cluster.ordered.length).toBe(1);
});

test("what was certainly not ordered is told from what may have been", async () => {
  cluster.behaviours.set(A, () => {
    throw new RequestError("invalid", "it is wrong");
  });
  expect(await runClient(["submit", "-h", hosts, "x"], cluster)).toMatchObject({
    status: 1,
    stderr: `paxos-client: not ordered: server 0 (${A}): it is wrong\n`,
  });
  cluster.behaviours.set(A, () => "order, then fail");
  const lost = await runClient(["submit", "-h", hosts, "--timeout", "1", "y", "z"], cluster);
  expect(lost).toMatchObject({ status: 1, stdout: "" });
  expect(lost.stderr).toContain(
    `update 1: may have been ordered: not ordered within 1 s: server 0 (${A}): connection lost\n`,
  );
  expect(lost.stderr).toContain(
    "1 of 2 updates were not ordered, of which 1 were not sent; 1 may have been ordered\n",
  );
});

test("no cluster: it was not sent", async () => {
  const { status, stderr } = await runClient(
    ["submit", "-h", hosts, "--timeout", "1", "x"],
    new FakeCluster([]),
  );
  expect(status).toBe(1);
  expect(stderr).toContain(
    `not ordered: not sent within 1 s: the client could not be registered: server 0 (${A}): connection refused\n`,
  );
});

test("an interrupt ends it, and says what is known", async () => {
  cluster.behaviours.set(A, () => "hang");
  const client = new ClientRun(["submit", "-h", hosts, "x", "y"], cluster, { frozen: true });
  await client.until(() => cluster.sentTo.length === 1);
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
  expect(client.stderr).toBe(
    "paxos-client: interrupted: 0 updates ordered, 1 not known to be; the rest was not sent\n",
  );
});
