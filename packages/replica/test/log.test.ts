// The ordered log as clients read it.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import {
  LogRequestSchema,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
} from "@paxos/proto";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes, text } from "./recording-machine.js";
import { turns } from "./until.js";

const whole = create(LogRequestSchema, { fromSeq: 0n, follow: false });
const following = create(LogRequestSchema, { fromSeq: 0n, follow: true });

/** Reads a node's log, letting time pass, until it ends or has given so many entries. */
function read(cluster: MemoryCluster, id: number, request: LogRequest, most = Infinity) {
  const controller = new AbortController();
  const entries: GloballyOrderedUpdate[] = [];
  const responses: LogResponse[] = [];
  const run = async () => {
    for await (const response of cluster.member(id).handler.log(request, controller.signal)) {
      responses.push(response);
      entries.push(...response.entries);
      if (entries.length >= most) break;
    }
    return entries;
  };
  let settled = false;
  const ended = run().finally(() => (settled = true));
  ended.catch(() => undefined);
  const end = async () => {
    await cluster.until(() => settled, "the log ends");
    return await ended;
  };
  return { controller, entries, responses, end };
}

const contents = (entries: readonly GloballyOrderedUpdate[]) =>
  entries.map(({ update }) => text(update?.update ?? bytes("?")));
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `7/${from + i}`);

async function orderSome(cluster: MemoryCluster, count: number, from = 1): Promise<number[]> {
  const seqs: number[] = [];
  for (let i = from; i < from + count; i++) seqs.push(Number((await cluster.request(0, 7n, BigInt(i))).seq));
  return seqs;
}

test("it gives what was ordered, in order, with its seqs, and ends at the ARU of the call; no-ops are left out", async () => {
  await using cluster = await MemoryCluster.start(3);
  const seqs = await orderSome(cluster, 5);
  for (const id of [0, 1, 2]) {
    await cluster.until(() => cluster.member(id).machine.applied.length === 5, "applied");
    const entries = await read(cluster, id, whole).end();
    expect(contents(entries)).toEqual(numbered(1, 5));
    expect(entries.map(({ seq }) => Number(seq))).toEqual(seqs);
    for (const entry of entries) {
      expect(entry).toMatchObject({ nodeId: 0n, duplicate: false, update: { clientId: 7n, nodeId: 0n } });
      expect(entry.result).toHaveLength(0);
    }
  }
  // The first seq of the first leader is its no-op's.
  expect(seqs[0]).toBeGreaterThan(1);
});

test("it does not wait for what is ordered after the call", async () => {
  await using cluster = await MemoryCluster.start(1);
  await orderSome(cluster, 3);
  const reading = read(cluster, 0, whole);
  await orderSome(cluster, 3, 4);
  expect(contents(await reading.end())).toEqual(numbered(1, 3));
});

test("an empty log, and one asked for from beyond its end, ends at once", async () => {
  await using cluster = await MemoryCluster.start(1);
  expect(await read(cluster, 0, whole).end()).toEqual([]);
  await orderSome(cluster, 3);
  expect(await read(cluster, 0, create(LogRequestSchema, { fromSeq: 1000n })).end()).toEqual([]);
  expect(await read(cluster, 0, create(LogRequestSchema, { fromSeq: 2n ** 64n - 1n })).end()).toEqual([]);
});

test("it begins at the seq asked for", async () => {
  await using cluster = await MemoryCluster.start(1);
  const seqs = await orderSome(cluster, 5);
  const request = create(LogRequestSchema, { fromSeq: BigInt(seqs[2] ?? 0) });
  expect(contents(await read(cluster, 0, request).end())).toEqual(numbered(3, 5));
});

test("a log of more than one chunk comes whole", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { replica } = cluster.member(0);
  await Promise.all(Array.from({ length: 10 }, () => replica.submit(new Uint8Array(100_000))));
  const reading = read(cluster, 0, whole);
  expect(await reading.end()).toHaveLength(10);
  expect(reading.responses.length).toBeGreaterThan(1);
});

test("following, it goes on as updates are ordered, until its signal is aborted", async () => {
  await using cluster = await MemoryCluster.start(3);
  await orderSome(cluster, 2);
  const reading = read(cluster, 1, following);
  await cluster.until(() => reading.entries.length === 2, "the old ones");
  await orderSome(cluster, 3, 3);
  await cluster.until(() => reading.entries.length === 5, "the new ones");
  expect(contents(reading.entries)).toEqual(numbered(1, 5));
  reading.controller.abort();
  expect(await reading.end()).toHaveLength(5);
});

test("following from beyond the end waits for that seq", async () => {
  await using cluster = await MemoryCluster.start(1);
  const [seq = 0] = await orderSome(cluster, 1);
  const reading = read(cluster, 0, create(LogRequestSchema, { fromSeq: BigInt(seq + 3), follow: true }), 1);
  await orderSome(cluster, 4, 2);
  expect(contents(await reading.end())).toEqual(["7/4"]);
});

test("closing while somebody follows rejects as unavailable", async () => {
  await using cluster = await MemoryCluster.start(1);
  await orderSome(cluster, 2);
  const reading = read(cluster, 0, following);
  await cluster.until(() => reading.entries.length === 2, "the old ones");
  await turns();
  await cluster.member(0).replica.close();
  await expect(reading.end()).rejects.toMatchObject({ name: "RequestError", code: "unavailable" });
});

/** Has update 1 of client 7 ordered at least twice: once more through a node that had missed the first time. */
async function orderTwice(cluster: MemoryCluster): Promise<number> {
  const [leader, laggard = -1, other = -1] = await cluster.roles();
  cluster.hub.cut(leader, laggard);
  cluster.hub.cut(other, laggard);
  const { seq } = await cluster.request(leader, 7n, 1n);
  const late = cluster.request(laggard, 7n, 1n);
  await cluster.until(() => cluster.member(leader).replica.status().localAru > seq, "ordered once more");
  cluster.hub.heal();
  await cluster.until(() => cluster.member(laggard).machine.applied.length > 0, "the laggard is level");
  await late;
  return leader;
}

test("an update that was ordered again is marked wherever it was not executed", async () => {
  await using cluster = await MemoryCluster.start(3);
  const leader = await orderTwice(cluster);
  const entries = await read(cluster, leader, whole).end();
  expect(entries.length).toBeGreaterThan(1);
  expect(new Set(contents(entries))).toEqual(new Set(["7/1"]));
  expect(entries.map(({ duplicate }) => duplicate)).toEqual(entries.map((_, i) => i > 0));
});

test("it stays marked when the client's session has forgotten it", async () => {
  await using cluster = await MemoryCluster.start(3);
  const leader = await orderTwice(cluster);
  await Promise.all(Array.from({ length: 2047 }, (_, i) => cluster.request(leader, 7n, BigInt(i + 2))));
  const entries = await read(cluster, leader, whole).end();
  const executed = entries.filter(({ duplicate }) => !duplicate).length;
  expect(executed).toBe(cluster.member(leader).machine.applied.length);
});
