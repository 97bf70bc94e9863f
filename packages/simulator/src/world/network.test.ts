import { create } from "@bufbuild/protobuf";
import { MessageSchema, type Message } from "@paxos/proto";
import { protocolVersions, type Identity } from "@paxos/core";
import { expect, test } from "@jest/globals";
import { Network, type NetworkConditions } from "./network.js";
import { World } from "./world.js";

const plain: NetworkConditions = {
  delayUs: [100, 200],
  lagPerMille: 0,
  lagUs: [0, 0],
  lossPerMille: 0,
  doublePerMille: 0,
  reorders: false,
  bandwidth: 1_000_000,
};

/** A message that can be told from others. */
const numbered = (number: number, bytes = 0): Message =>
  create(MessageSchema, {
    to: 1n,
    type: { case: "proposal", value: { seq: BigInt(number), updates: [new Uint8Array(bytes)] } },
  });
const sender: Identity = {
  clusterId: new Uint8Array(),
  nodeId: 0,
  storeId: 1n,
  incarnation: 1n,
  saveHistory: new Uint8Array(),
  epochRecord: new Uint8Array(),
  address: "node-0:2346",
  protocolVersion: protocolVersions.newest,
  commandVersion: 0,
};
const numberOf = ({ type }: Message) => (type.case === "proposal" ? Number(type.value.seq) : -1);

interface Arrival {
  readonly from: number;
  readonly to: number;
  readonly number: number;
  readonly at: number;
}

function setUp(conditions: Partial<NetworkConditions> = {}, { seed = 1, encodes = false } = {}) {
  const world = new World(seed);
  const arrivals: Arrival[] = [];
  const messages: Message[] = [];
  const network = new Network(world, { ...plain, ...conditions }, encodes, (from, to, message) => {
    arrivals.push({ from, to, number: numberOf(message), at: world.now });
    messages.push(message);
  });
  const rest = () => world.run(Infinity);
  return { world, network, arrivals, messages, rest, numbers: () => arrivals.map(({ number }) => number) };
}

/** Sends messages from 0 to 1, so many, so far apart. */
async function sendMany({ world, network }: ReturnType<typeof setUp>, count: number, everyUs: number) {
  for (let i = 0; i < count; i++) world.after(i * everyUs, () => network.send(0, 1, numbered(i), sender));
  await world.run(Infinity);
}

test("a message arrives after a delay, once, at whom it was sent to", async () => {
  const { network, arrivals, rest } = setUp();
  network.send(2, 0, numbered(7), sender);
  await rest();
  expect(arrivals).toMatchObject([{ from: 2, to: 0, number: 7 }]);
  expect(arrivals[0]?.at).toBeGreaterThanOrEqual(100);
  expect(arrivals[0]?.at).toBeLessThanOrEqual(200);
  expect([network.sent, network.lost, network.doubled]).toEqual([1, 0, 0]);
});

test("delays are evenly drawn, and some messages take longer", async () => {
  const network = setUp({ lagPerMille: 200, lagUs: [10_000, 20_000], reorders: true });
  await sendMany(network, 5000, 100);
  const delays = network.arrivals.map(({ number, at }) => at - number * 100);
  const late = delays.filter((delay) => delay >= 10_000);
  const usual = delays.filter((delay) => delay <= 200);
  expect(late.length + usual.length).toBe(5000);
  expect(late.length).toBeGreaterThan(800);
  expect(late.length).toBeLessThan(1200);
  expect([Math.min(...usual), Math.max(...usual)]).toEqual([100, 200]);
});

test("about as many are lost and doubled as asked for", async () => {
  const network = setUp({ lossPerMille: 300, doublePerMille: 100 });
  await sendMany(network, 10_000, 10);
  const { sent, lost, doubled } = network.network;
  expect(sent).toBe(10_000);
  expect(lost).toBeGreaterThan(2800);
  expect(lost).toBeLessThan(3200);
  expect(doubled / (sent - lost)).toBeGreaterThan(0.08);
  expect(doubled / (sent - lost)).toBeLessThan(0.12);
  expect(network.arrivals.length).toBe(sent - lost + doubled);
});

test("none overtakes another, unless that is asked for", async () => {
  const wild = { lagPerMille: 300, lagUs: [1000, 50_000], doublePerMille: 200 } as const;
  const ordered = setUp(wild);
  await sendMany(ordered, 500, 50);
  expect(ordered.numbers()).toEqual(ordered.numbers().toSorted((a, b) => a - b));
  const reordered = setUp({ ...wild, reorders: true });
  await sendMany(reordered, 500, 50);
  expect(reordered.numbers()).not.toEqual(reordered.numbers().toSorted((a, b) => a - b));
});

test("links do not wait for each other", async () => {
  const { network, rest, numbers } = setUp({ delayUs: [1000, 1000] });
  network.setLink(0, 1, { ...plain, delayUs: [9000, 9000] });
  network.send(0, 1, numbered(1), sender);
  network.send(1, 0, numbered(2), sender);
  network.send(0, 2, numbered(3), sender);
  await rest();
  expect(numbers()).toEqual([2, 3, 1]);
});

test("a cut loses one direction only, until it is healed", async () => {
  const { network, rest, numbers } = setUp();
  const owner = {};
  network.cut(owner, 0, 1);
  expect([network.isCut(0, 1), network.isCut(1, 0)]).toEqual([true, false]);
  network.send(0, 1, numbered(1), sender);
  network.send(1, 0, numbered(2), sender);
  await rest();
  expect(numbers()).toEqual([2]);
  expect(network.lost).toBe(1);
  network.heal(owner);
  network.send(0, 1, numbered(3), sender);
  await rest();
  expect(numbers()).toEqual([2, 3]);
});

test("a link stays cut for as long as anybody wants it cut", () => {
  const { network } = setUp();
  const [a, b] = [{}, {}];
  network.cut(a, 0, 1);
  network.cut(a, 0, 1);
  network.cut(b, 0, 1);
  network.heal(a);
  expect(network.isCut(0, 1)).toBe(true);
  network.heal(a);
  expect(network.isCut(0, 1)).toBe(true);
  network.heal(b);
  expect(network.isCut(0, 1)).toBe(false);
});

test("a node is never cut off from itself", () => {
  const { network } = setUp();
  network.cut({}, 1, 1);
  expect(network.isCut(1, 1)).toBe(false);
});

test("a cut drops what is sent, not what is under way", async () => {
  const { network, rest, numbers } = setUp();
  network.send(0, 1, numbered(1), sender);
  network.cut({}, 0, 1);
  network.send(0, 1, numbered(2), sender);
  await rest();
  expect(numbers()).toEqual([1]);
});

test("bandwidth delays what comes behind", async () => {
  // 10 bytes a millisecond: a message of 1,000 bytes, and what goes with it, takes more than 0.1 seconds.
  const { network, arrivals, rest } = setUp({ bandwidth: 10, delayUs: [100, 100] });
  for (let i = 0; i < 3; i++) network.send(0, 1, numbered(i, 1000), sender);
  network.send(1, 0, numbered(9), sender);
  await rest();
  const times = new Map(arrivals.map(({ number, at }) => [number, at]));
  const [first = 0, second = 0, third = 0] = [0, 1, 2].map((number) => times.get(number));
  expect(first).toBeGreaterThan(100_000);
  expect(second - first).toBe(first - 100);
  expect(third - second).toBe(second - first);
  expect(times.get(9)).toBeLessThan(10_000);
});

test("a full queue drops the newest, and takes more when it has drained", async () => {
  const { world, network, rest, numbers } = setUp({ bandwidth: 10, delayUs: [100, 100] });
  // Each keeps the link busy for half a second or a little more; two seconds of them are kept.
  for (let i = 0; i < 10; i++) network.send(0, 1, numbered(i, 5000), sender);
  await rest();
  expect(numbers()).toEqual([0, 1, 2, 3]);
  expect(network.lost).toBe(6);
  network.send(0, 1, numbered(10), sender);
  await rest();
  expect(numbers()).toEqual([0, 1, 2, 3, 10]);
  expect(world.now).toBeGreaterThan(2_000_000);
});

test("conditions can change for all links, for one, and back", async () => {
  const { network, rest, numbers } = setUp();
  network.conditions = { ...plain, lossPerMille: 1000 };
  network.setLink(0, 1, plain);
  network.send(0, 1, numbered(1), sender);
  network.send(0, 2, numbered(2), sender);
  await rest();
  expect(numbers()).toEqual([1]);
  network.reset();
  network.send(0, 1, numbered(3), sender);
  await rest();
  expect(numbers()).toEqual([1]);
  network.conditions = plain;
  network.send(0, 1, numbered(4), sender);
  await rest();
  expect(numbers()).toEqual([1, 4]);
});

test("the same seed gives the same arrivals, another seed others", async () => {
  const wild = { lossPerMille: 200, doublePerMille: 200, lagPerMille: 200, lagUs: [500, 9000] as const };
  const arrivalsOf = async (seed: number) => {
    const network = setUp(wild, { seed });
    await sendMany(network, 200, 100);
    return network.arrivals;
  };
  expect(await arrivalsOf(1)).toEqual(await arrivalsOf(1));
  expect(await arrivalsOf(1)).not.toEqual(await arrivalsOf(2));
});

test("each link has a fate of its own", async () => {
  const { network, arrivals, rest } = setUp({ lossPerMille: 300 });
  const links = [
    [0, 1],
    [1, 0],
    [0, 2],
  ] as const;
  for (let i = 0; i < 100; i++) for (const [from, to] of links) network.send(from, to, numbered(i), sender);
  await rest();
  const arrived = links.map(([from, to]) =>
    arrivals.flatMap((one) => (one.from === from && one.to === to ? [one.number] : [])).join(),
  );
  expect(new Set(arrived).size).toBe(3);
});

test("what one link carries changes nothing about another", async () => {
  const wild = { lossPerMille: 300, doublePerMille: 200, lagPerMille: 200, lagUs: [500, 9000] as const };
  const arrivalsOf = async (others: boolean) => {
    const network = setUp(wild);
    for (let i = 0; i < 100; i++) {
      network.network.send(0, 1, numbered(i), sender);
      if (others) network.network.send(2, 1, numbered(i), sender);
    }
    await network.rest();
    return network.arrivals.filter(({ from }) => from === 0);
  };
  expect(await arrivalsOf(true)).toEqual(await arrivalsOf(false));
});

test("as bytes, what arrives is equal and shares nothing with what was sent", async () => {
  for (const encodes of [true, false]) {
    const { network, messages, rest } = setUp({ doublePerMille: 1000 }, { encodes });
    const sent = numbered(5, 3);
    network.send(0, 1, sent, sender);
    await rest();
    expect(messages).toHaveLength(2);
    for (const message of messages) {
      expect(message).toEqual(sent);
      expect(message === sent).toBe(!encodes);
    }
    expect(messages[0] === messages[1]).toBe(!encodes);
  }
});
