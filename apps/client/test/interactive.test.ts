import { beforeEach, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, hostfile } from "./run-client.js";

const A = "127.0.0.1:1";
const PROMPT = "Enter an update: ";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A]);
  hosts = await hostfile(A);
});

function start(...args: string[]): ClientRun {
  return new ClientRun(["-h", hosts, ...args], cluster, { terminal: true });
}

const prompts = (client: ClientRun) => client.stderr.split(PROMPT).length - 1;

test("each line typed is ordered, its seq printed, and the next one asked for; empty lines are skipped", async () => {
  const client = start();
  await client.until(() => prompts(client) === 1);
  client.stdin.write("one\n");
  await client.until(() => prompts(client) === 2);
  expect(client.stdout).toBe("seq 1\n");
  client.stdin.write("\nzwö\n");
  await client.until(() => prompts(client) === 4);
  expect(client.stdout).toBe("seq 1\nseq 2\n");
  expect(cluster.ordered.map(({ update }) => Buffer.from(update?.update ?? []).toString())).toEqual([
    "one",
    "zwö",
  ]);
  client.stdin.end();
  expect(await client.done).toBe(0);
});

test("--json keeps the prompt out of the results", async () => {
  const client = start("--json");
  client.stdin.end("one\n");
  expect(await client.done).toBe(0);
  await client.until(() => client.stdout === '{"seq":1,"update":"one"}\n');
});

test("a line that is not ordered is told, and the next one may be", async () => {
  cluster.behaviours.set(A, ({ timestamp }) => {
    if (timestamp === 1n) throw new RequestError("unavailable", "connection refused");
    if (timestamp === 2n) throw new RequestError("too_large", "the limit is lower here");
  });
  const client = start("--timeout", "5");
  client.stdin.write(`down\nrefused\n${"x".repeat(1_048_577)}\nup\n`);
  await client.until(() => client.stdout === "seq 1\n");
  expect(client.stderr).toContain(
    `not ordered within 5 s, but may still be; last tried: server 0 (${A}): connection refused\n`,
  );
  expect(client.stderr).toContain(`not ordered: server 0 (${A}): the limit is lower here\n`);
  expect(client.stderr).toContain("not sent: it has 1048577 bytes, and an update at most 1048576\n");
  client.stdin.end();
  expect(await client.done).toBe(0);
});

test("an interrupt ends the prompt", async () => {
  const client = start();
  await client.until(() => prompts(client) === 1);
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
});

test("an interrupt ends a line that is being retried", async () => {
  cluster.behaviours.set(A, () => "hang");
  const client = start();
  client.stdin.write("stuck\n");
  await client.until(() => cluster.sentTo.length === 1);
  client.interrupt.abort("SIGTERM");
  expect(await client.done).toBe(143);
  expect(client.stderr).toContain("interrupted: this update may still be ordered\n");
});
