import { beforeEach, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import { UpdateKind } from "@paxos/proto";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";
const B = "127.0.0.1:2";
const C = "127.0.0.1:3";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A, B, C]);
  hosts = await hostfile(`${A}\n${B}\n${C}\n`);
});

const orderedTexts = () => cluster.ordered.map(({ update }) => Buffer.from(update?.update ?? []).toString());

const refuse =
  (code: "busy" | "unavailable" | "too_large" | "expired" | "invalid", message: string) => () => {
    throw new RequestError(code, message);
  };

test("lines are ordered as they come, by one client with timestamps from 1", async () => {
  const { status, stdout, stderr } = await runClient(["-h", hosts], cluster, "one\ntwo\n\nthree");
  expect(status).toBe(0);
  expect(stdout).toBe("1\tone\n2\ttwo\n3\t\n4\tthree\n");
  expect(stderr).toBe(`paxos-client: reached server 0 (${A}), server 1 (${B}), server 2 (${C})\n`);
  expect(cluster.ordered.map(({ update }) => update?.timestamp)).toEqual([1n, 2n, 3n, 4n]);
  expect(new Set(cluster.ordered.map(({ update }) => update?.clientId)).size).toBe(1);
  expect(cluster.ordered[0]?.update?.clientId).not.toBe(0n);
  expect(cluster.registrations).toBe(1);
  expect(cluster.closed).toBe(1);
});

test("--json prints an object a line", async () => {
  const { stdout } = await runClient(["-h", hosts, "--json"], cluster, 'say "hi"\n');
  expect(stdout).toBe('{"seq":1,"update":"say \\"hi\\""}\n');
});

test("no input is nothing to do", async () => {
  expect(await runClient(["-h", hosts], cluster, "")).toMatchObject({ status: 0, stdout: "" });
});

test("servers that do not answer are named once, and lines go to the others", async () => {
  cluster.statuses.delete(B);
  const { status, stderr } = await runClient(["-h", hosts], cluster, "a\nb\nc\nd\n");
  expect(status).toBe(0);
  expect(stderr).toBe(
    `paxos-client: reached server 0 (${A}), server 2 (${C}); not reached: server 1 (${B}): connection refused\n`,
  );
  expect(cluster.sentTo).not.toContain(B);
});

test("a line whose server fails is retried elsewhere under the same id, and printed once", async () => {
  for (const address of [A, B]) {
    let failures = 1;
    cluster.behaviours.set(address, () => (failures-- > 0 ? "order, then fail" : undefined));
  }
  const input = Array.from({ length: 20 }, (_, i) => `line ${i}`);
  const { status, stdout, stderr } = await runClient(["-h", hosts], cluster, input.join("\n"));
  expect(status).toBe(0);
  expect(stdout).toBe(input.map((line, i) => `${i + 1}\t${line}\n`).join(""));
  expect(orderedTexts()).toEqual(input);
  expect(cluster.sentTo.length).toBe(22);
  expect(stderr).toContain(`server 0 (${A}): connection lost; trying elsewhere`);
});

test("a server that has come back gets lines again", async () => {
  const client = new ClientRun(["-h", hosts], cluster);
  cluster.statuses.delete(A);
  client.stdin.write("first\n");
  await client.until(() => client.stdout !== "");
  cluster.start(A, 0);
  client.time.advance(1_000);
  let written = 0;
  while (!cluster.sentTo.includes(A)) {
    client.stdin.write("again\n");
    written++;
    await client.until(() => cluster.ordered.length === written + 1);
  }
  client.stdin.end();
  expect(await client.done).toBe(0);
});

test("a line that the servers are too busy for is tried again after pauses that grow", async () => {
  let refusals = 6;
  for (const address of [A, B, C]) {
    cluster.behaviours.set(address, () => (refusals-- > 0 ? refuse("busy", "try later")() : undefined));
  }
  const { status, stdout, client } = await runClient(["-h", hosts], cluster, "patient\n");
  expect([status, stdout]).toEqual([0, "1\tpatient\n"]);
  // Pauses of at least half of 50, 100, 200, 400, 800 and 1,000 ms.
  expect(client.time.now).toBeGreaterThanOrEqual(1_275);
  expect(client.time.now).toBeLessThanOrEqual(2_550);
});

test("the results of lines sent at once are printed in the order of the lines", async () => {
  const arrived: string[] = [];
  let peak = 0;
  let underWay = 0;
  const slowFirst = new (class extends FakeCluster {
    override async clientUpdate(...args: Parameters<FakeCluster["clientUpdate"]>) {
      if (args[1].kind === UpdateKind.REGISTER) return super.clientUpdate(...args);
      peak = Math.max(peak, ++underWay);
      const text = Buffer.from(args[1].update).toString();
      // Each four arrive in reverse.
      while (underWay < 4 - (arrived.length % 4) && arrived.length < 8) await new Promise(setImmediate);
      arrived.push(text);
      await new Promise(setImmediate);
      underWay--;
      return super.clientUpdate(...args);
    }
  })([A]);
  const file = await hostfile(A);
  const lines = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const { status, stdout } = await runClient(["-h", file, "--in-flight", "4"], slowFirst, lines.join("\n"));
  expect(status).toBe(0);
  expect(stdout.split("\n").map((line) => line.split("\t")[1])).toEqual([...lines, undefined]);
  expect(peak).toBe(4);
});

test("with lines in flight, a result is printed without waiting for more input", async () => {
  const client = new ClientRun(["-h", hosts, "--in-flight", "8"], cluster);
  client.stdin.write("only\n");
  await client.until(() => client.stdout === "1\tonly\n");
  client.stdin.end();
  expect(await client.done).toBe(0);
});

test("a line over the limit is not sent; the others are, and the count and the status say so", async () => {
  const input = `short\n${"x".repeat(1_048_577)}\n${"y".repeat(1_048_576)}\n`;
  const { status, stderr } = await runClient(["-h", hosts], cluster, input);
  expect(status).toBe(1);
  expect(stderr).toContain("line 2: not ordered: it has 1048577 bytes, and an update at most 1048576\n");
  expect(stderr).toContain("paxos-client: 1 of 3 lines were not ordered\n");
  expect(cluster.ordered.length).toBe(2);
});

test("an update that a server refuses for good is not retried", async () => {
  const only = await hostfile(A);
  cluster.behaviours.set(A, ({ timestamp }) =>
    timestamp === 1n ? refuse("invalid", "it is wrong")() : undefined,
  );
  const { status, stdout, stderr } = await runClient(["-h", only], cluster, "wrong\nright\n");
  expect([status, stdout]).toEqual([1, "1\tright\n"]);
  expect(stderr).toContain(`line 1: not ordered: server 0 (${A}): it is wrong\n`);
  expect(cluster.sentTo).toEqual([A, A]);
});

test("when a line times out, those after it are counted but not sent", async () => {
  for (const address of [A, B, C]) {
    cluster.behaviours.set(address, ({ timestamp }) =>
      timestamp === 3n ? refuse("unavailable", "gone")() : undefined,
    );
  }
  const { status, stdout, stderr, client } = await runClient(
    ["-h", hosts, "--timeout", "10"],
    cluster,
    "a\nb\nc\nd\ne\n",
  );
  expect([status, stdout]).toEqual([1, "1\ta\n2\tb\n"]);
  expect(stderr).toMatch(
    /line 3: may have been ordered: not ordered within 10 s: server \d \([\d.:]+\): gone\n/,
  );
  expect(stderr).toContain(
    "2 of 5 lines were not ordered, of which 2 were not sent; 1 may have been ordered\n",
  );
  expect(orderedTexts()).toEqual(["a", "b"]);
  expect(client.time.now).toBeGreaterThanOrEqual(10_000);
});

test("input that goes on after the client gave up is not waited for", async () => {
  const client = new ClientRun(["-h", hosts, "--timeout", "1"], new FakeCluster([]));
  client.stdin.write("a\nb\n");
  expect(await client.done).toBe(1);
  expect(client.stderr).toContain("reached no server; not reached: server 0");
  expect(client.stderr).toContain(
    "2 of 2 lines were not ordered, of which 1 were not sent, and the rest of the input was not read\n",
  );
});

test("an interrupted client says how far it came", async () => {
  for (const address of [A, B, C]) {
    cluster.behaviours.set(address, ({ timestamp }) => (timestamp === 3n ? "hang" : undefined));
  }
  const client = new ClientRun(["-h", hosts], cluster, { frozen: true });
  client.stdin.write("a\nb\nc\nd\ne\n");
  await client.until(() => cluster.sentTo.length === 3);
  client.interrupt.abort("SIGTERM");
  expect(await client.done).toBe(143);
  expect(client.stderr).toContain("interrupted: 2 lines ordered, 1 not known to be; the rest was not sent\n");
  expect(cluster.closed).toBe(1);
});

test("an interrupted client that waits for input ends", async () => {
  const client = new ClientRun(["-h", hosts], cluster);
  client.stdin.write("a\n");
  await client.until(() => client.stdout !== "");
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
});

test("when nobody reads the results, the client ends without a word", async () => {
  const client = new ClientRun(["-h", hosts], cluster);
  client.stdin.write("a\n");
  await client.until(() => client.stdout !== "");
  const before = client.stderr;
  client.closeStdout();
  expect(await client.done).toBe(0);
  expect(client.stderr).toBe(before);
});

test("-v tells every attempt", async () => {
  const { stderr } = await runClient(["-h", hosts, "-v"], cluster, "a\n");
  expect(stderr).toMatch(
    /update 1 of client \d+: attempt 1, to server \d \([\d.:]+\)\n.*update 1 of client \d+: ordered as seq 1\n/,
  );
});

test("a session that the cluster has forgotten is replaced without a word", async () => {
  for (const address of [A, B, C]) {
    let sessions = 0;
    cluster.behaviours.set(address, ({ timestamp }) => {
      if (timestamp === 2n && sessions++ === 0) refuse("expired", "the session is forgotten")();
    });
  }
  const { status, stdout } = await runClient(["-h", hosts], cluster, "a\nb\nc\n");
  expect([status, stdout]).toEqual([0, "1\ta\n2\tb\n3\tc\n"]);
  expect(cluster.registrations).toBe(2);
});

test("the first line does not wait for a server that keeps silent", async () => {
  const client = new ClientRun(["-h", hosts], new SilentServer([A, B, C]), { frozen: true });
  client.stdin.write("a\n");
  await client.until(() => client.stdout === "1\ta\n");
  expect(client.stderr).toBe("");
  client.stdin.end();
  expect(await client.done).toBe(0);
  expect(client.stderr).toContain(
    `reached server 0 (${A}), server 1 (${B}); not reached: server 2 (${C}): no answer yet\n`,
  );
});

/** Its last server does not say what it does. */
class SilentServer extends FakeCluster {
  override async status(address: string, signal: AbortSignal) {
    if (address === C) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    if (signal.aborted) throw new RequestError("cancelled", "the request was cancelled");
    return super.status(address, signal);
  }
}
