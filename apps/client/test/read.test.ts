import { beforeEach, expect, test } from "@jest/globals";

import { FakeCluster } from "./fake-cluster.js";
import { hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";
const B = "127.0.0.1:2";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A, B]);
  hosts = await hostfile(`${A}\n${B}\n`);
});

const run = (...args: string[]) => runClient(["read", "-h", hosts, ...args], cluster);

test("the seq that the answer reflects, and the answer", async () => {
  await runClient(["submit", "-h", hosts, "one", "two"], cluster);
  const seq = cluster.ordered.length;
  expect(await run()).toMatchObject({ status: 0, stdout: `${seq}\n`, stderr: "" });
  expect(await run("how many?")).toMatchObject({ status: 0, stdout: `${seq}\thow many?\n` });
  expect(await run("a\tb", "--json")).toMatchObject({
    status: 0,
    stdout: `${JSON.stringify({ seq, result: "a\tb" })}\n`,
  });
});

test("a local read, of the server that is named", async () => {
  expect(await run("x", "--local", "--server", "1")).toMatchObject({ status: 0, stdout: "0\tx, local\n" });
  expect(await run("--server", "2")).toMatchObject({
    status: 2,
    stderr: "paxos-client: bad --server 2: the hostfile names 2, with the ids from 0 to 1\n",
  });
});

test("what cannot be answered is said, with status 1; what makes no sense with status 2", async () => {
  expect(await run("bad")).toMatchObject({
    status: 1,
    stdout: "",
    stderr: "paxos-client: refused: no such thing\n",
  });
  expect(await run("bad", "--json")).toMatchObject({
    status: 1,
    stdout: `${JSON.stringify({ error: "refused: no such thing" })}\n`,
  });
  expect(await run("a", "b")).toMatchObject({ status: 2 });
  expect(await run("--timeout", "x")).toMatchObject({ status: 2 });
});

test("when nobody answers it says so at the deadline", async () => {
  cluster.statuses.clear();
  const { status, stderr } = await run("--timeout", "1");
  expect(status).toBe(1);
  expect(stderr).toMatch(/the read was not answered within 1 s; last, server \d/);
});
