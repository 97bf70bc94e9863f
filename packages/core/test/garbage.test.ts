// Messages that make no sense, made from real ones. Whoever receives them must not fall over; and where a
// receiver can know that they are wrong, they must change nothing.
import { fromBinary, type DescField } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { expect, test } from "@jest/globals";
import { encodeMessage, MessageSchema, type Message } from "@paxos/proto";
import { Random } from "../src/random.js";
import { Cluster, log } from "./cluster.js";
import { LoneNode } from "./lone-node.js";

// More: PAXOS_GARBAGE_SEEDS=1000 pnpm test garbage
const seeds = Number(process.env["PAXOS_GARBAGE_SEEDS"] ?? 6);

function decode(bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(MessageSchema, bytes);
  } catch {
    return undefined;
  }
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.between(0, items.length - 1)] as T;
}

/** Ways to make a message wrong so that the receiver can tell. */
const recognisable: Record<string, (message: Message, random: Random) => void> = {
  misdirected: (message, random) => (message.to += BigInt(random.between(1, 9))),
  "of a stranger": (message) => (message.from = 77n),
  "of the receiver itself": (message) => (message.from = message.to),
  "of another group": (message, random) => (message.group = BigInt(random.between(1, 9))),
  "of another epoch": (message, random) => (message.epoch = BigInt(random.between(1, 9))),
  "with another store": (message, random) =>
    (message.storeId = pick(random, [0n, message.storeId + 1n, 1n << 63n])),
  "without content": (message) => (message.type = { case: undefined }),
  "with a number beyond 2^53": (message, random) => {
    const { value } = message.type;
    if (value === undefined || value instanceof Uint8Array) message.from = 2n ** 53n;
    else if ("view" in value) value.view = pick(random, [2n ** 53n, 2n ** 64n - 1n]);
    else if ("seq" in value) value.seq = pick(random, [2n ** 53n, 2n ** 64n - 1n]);
    else if ("attemptedView" in value) value.attemptedView = 2n ** 53n;
    else if ("installedView" in value) value.installedView = 2n ** 64n - 1n;
    else message.from = 2n ** 53n;
  },
  "that no peer sends": (message) => (message.type = decode(new Uint8Array([0x42, 0]))?.type ?? message.type),
  "of a node that does not lead the ballot": (message) => {
    const { type } = message;
    if (type.case === "prepare" || type.case === "proposal") type.value.view++;
    else message.group = 1n;
  },
  "with a proposal of nothing": (message) => {
    if (message.type.case === "proposal") message.type.value.updates = [];
    else message.epoch = 5n;
  },
  "with a proposal at seq 0": (message) => {
    if (message.type.case === "proposal") message.type.value.seq = 0n;
    else message.epoch = 5n;
  },
  "with an update that is none": (message) => {
    if (message.type.case === "clientUpdate") message.type.value = new Uint8Array([0xff, 0xff]);
    else message.epoch = 5n;
  },
  "with an answer that leaves a gap": (message) => {
    const answer = { nodeId: 0n, seq: 1000n, updates: [new Uint8Array(3)], localAru: 1n, firstSeq: 1n };
    message.type = { case: "catchUpAnswer", value: { $typeName: "paxos.v1.CatchUpAnswer", ...answer } };
  },
};

/** A cluster at work, with crashes and losses, so that messages of all kinds pass, snapshots too. */
function work(cluster: Cluster, random: Random, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 3; i++) cluster.propose(pick(random, cluster.up).id, 7n, BigInt(3 * round + i + 1));
    cluster.tick(random.between(1, 25));
    for (const { id } of cluster.up) if (cluster.takeSnapshot(id)) cluster.compact(id, random.between(0, 4));
    const id = random.between(0, cluster.members.length - 1);
    if (cluster.member(id).node === undefined) cluster.start(id);
    else if (round % 4 === 0 && cluster.up.length === cluster.members.length) cluster.crash(id);
  }
}

test("garbage that can be recognised is counted, and changes nothing: with it the cluster does exactly what it does without", () => {
  let ignored = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const [plain, disturbed] = [makeCluster(seed), makeCluster(seed)];
    const kinds = disturb(disturbed, new Random(1000 + seed));
    for (const cluster of [plain, disturbed]) work(cluster, new Random(seed), 40);
    for (const { id, applied } of plain.members) expect(disturbed.member(id).applied).toEqual(applied);
    for (const { id } of plain.up) {
      const { counters: _, ...status } = plain.status(id);
      const { counters, ...disturbedStatus } = disturbed.status(id);
      expect(disturbedStatus).toEqual(status);
      for (const count of Object.values(counters)) ignored += count;
    }
    expect(new Set(kinds)).toEqual(new Set(Object.keys(recognisable)));
    expect(log(plain.up[0] ?? plain.member(0)).length).toBeGreaterThan(60);
  }
  expect(ignored).toBeGreaterThan(seeds * 100);
});

function makeCluster(seed: number): Cluster {
  const cluster = new Cluster(3, { runUpdates: 2, windowUpdates: 8, catchUpBytes: 60 });
  cluster.firstSeed = 100 * seed;
  return cluster.start();
}

/** Every message that arrives is preceded by one that was made from it. */
function disturb(cluster: Cluster, random: Random): string[] {
  const kinds: string[] = [];
  cluster.onDelivered = (message) => {
    const garbage = decode(encodeMessage(message));
    const { node } = cluster.member(Number(message.to));
    // What comes first from a peer makes its store known; a wrong one would then be the one on record.
    const known = node?.status().peers.find(({ nodeId }) => nodeId === Number(message.from))?.heard;
    if (garbage === undefined || known !== true) return;
    const kind = pick(random, Object.keys(recognisable));
    recognisable[kind]?.(garbage, random);
    kinds.push(kind);
    node?.step(garbage);
    cluster.pump(Number(message.to));
  };
  return kinds;
}

/** Some bytes of a message are changed, or one of its numbers. */
function mutate(message: Message, random: Random): Message | undefined {
  const bytes = encodeMessage(message);
  if (random.between(0, 1) === 0) {
    const changed = Uint8Array.from(bytes);
    for (let i = random.between(1, 3); i > 0; i--)
      changed[random.between(0, changed.length - 1)] = random.between(0, 255);
    return decode(
      changed.subarray(0, random.between(0, 3) === 0 ? random.between(0, changed.length) : changed.length),
    );
  }
  const copy = decode(bytes);
  if (copy === undefined || copy.type.value === undefined || copy.type.value instanceof Uint8Array)
    return copy;
  const content = reflect(
    MessageSchema.fields.find(({ localName }) => localName === copy.type.case)?.message ?? MessageSchema,
    copy.type.value,
  );
  const numbers = content.fields.filter(
    (field: DescField) => field.fieldKind === "scalar" && typeof content.get(field) === "bigint",
  );
  const field = pick(random, numbers);
  const value = content.get(field) as bigint;
  const near = value + BigInt(random.between(-3, 3));
  const values = [
    near < 0n ? 0n : near,
    BigInt(random.between(0, 30)),
    2n ** 52n,
    2n ** 53n,
    2n ** 64n - 1n,
    0n,
  ];
  content.set(field, pick(random, values));
  return copy;
}

test("whatever arrives, a node does not fall over", () => {
  let [arrived, undecodable] = [0, 0];
  for (let seed = 1; seed <= seeds; seed++) {
    const random = new Random(seed);
    const cluster = new Cluster(4, { runUpdates: 3, windowUpdates: 12, catchUpBytes: 60 });
    // What node 3 is made to believe it must not pass on: it is mute.
    for (const id of [0, 1, 2]) cluster.cut(3, id);
    cluster.start();
    cluster.onDelivered = (message) => {
      if (message.to !== 3n) return;
      const garbage = mutate(message, random);
      if (garbage === undefined) undecodable++;
      else arrived++;
      if (garbage !== undefined) cluster.member(3).node?.step(garbage);
      cluster.pump(3);
    };
    try {
      work(cluster, random, 40);
      cluster.tick(200);
    } catch (error) {
      throw new Error(`seed ${seed}, message ${arrived}: ${String(error)}`, { cause: error });
    }
    const [first, ...rest] = [0, 1, 2]
      .filter((id) => cluster.member(id).node !== undefined)
      .map((id) => cluster.member(id));
    for (const other of rest) expect(log(other)).toEqual(log(first ?? other));
  }
  expect(arrived).toBeGreaterThan(seeds * 300);
  expect(undecodable).toBeGreaterThan(seeds * 20);
});

test("a promise as high as numbers go is outrun as long as there are numbers, and hangs nobody", () => {
  for (const promisedView of [2n ** 52n, 2n ** 52n - 1n, 2n ** 53n - 1n]) {
    const node = new LoneNode(1, 3).meet();
    for (let i = 0; i < 30; i++) {
      node.receive(2, { case: "heartbeat", value: { promisedView } }).tick(10).flushAll();
    }
    expect(node.status.role).toBe("electing");
    expect(Number.isSafeInteger(node.status.view)).toBe(true);
  }
});
