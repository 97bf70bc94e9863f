import { create } from "@bufbuild/protobuf";
import { HandshakeRefusalReason, PeerFrameSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import type { Identity } from "@paxos/core";
import type { RawCaller, TransportAdapter } from "./adapter.js";
import { nowhere, type Endpoint, type Endpoints } from "./endpoints.js";
import { accept, clusterId, hello, identityOf, messages } from "./messages.js";
import { describeSubject } from "./subject.js";
import { until } from "./until.js";

const otherCluster = new Uint8Array(32).fill(8);
const noHello = messages(new Uint8Array([8, 0]));
const otherStore = "the storage of node 1 is not the one on record; replace the member";

/** As large as an Identity can have them. */
const numbers = {
  storeId: 2n ** 64n - 77n,
  incarnation: 2n ** 64n - 1n,
  saveHistory: new Uint8Array(1024).fill(7),
  epochRecord: new Uint8Array(64 * 1024).fill(9),
  address: `${"\u20ac".repeat(294)}:65535`,
};

/** Who is let in, who is not, and that both sides learn why. */
export function describeHandshake(adapter: TransportAdapter): void {
  describeSubject("handshake", adapter, (endpoints) => {
    testCallers(endpoints);
    testCallees(endpoints);
    testAdmission(endpoints);
    testWhoIsAskedAbout(endpoints);
  });
}

/** Node 0, and a caller that begins with `frame` and is refused. */
async function refusedCaller(
  endpoints: Endpoints,
  frame: ReturnType<typeof hello>,
): Promise<{ zero: Endpoint; caller: RawCaller }> {
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
  const caller = endpoints.rawCaller(zero.address);
  caller.say(frame);
  await until(() => caller.ended, "the connection has ended");
  return { zero, caller };
}

function testCallers(endpoints: Endpoints): void {
  test.each([
    ["no_hello", noHello, HandshakeRefusalReason.NO_HELLO, /first frame was no Hello/],
    [
      "cluster",
      hello({ clusterId: otherCluster }),
      HandshakeRefusalReason.CLUSTER,
      /cluster 0808080808080808, node 0 to 0707070707070707; start both with the same hostfile/,
    ],
    [
      "cluster",
      // The whole id is compared.
      hello({ clusterId: new Uint8Array([...clusterId, 1]) }),
      HandshakeRefusalReason.CLUSTER,
      /start both with the same hostfile/,
    ],
    ["node", hello({ nodeId: 2n ** 53n }), HandshakeRefusalReason.NODE, /9007199254740992 is no node id/],
    [
      "node",
      hello({ nodeId: 0n }),
      HandshakeRefusalReason.NODE,
      /0 is this node's own id; give each node an id of its own/,
    ],
    ["node", hello({ to: 3n }), HandshakeRefusalReason.NODE, /takes this node for node 3, but it is node 0/],
    [
      "store",
      hello({ saveHistory: new Uint8Array(1025) }),
      HandshakeRefusalReason.STORE,
      /node 1 shows a history of saves of 1025 bytes, 1024 are allowed/,
    ],
    [
      "node",
      hello({ epochRecord: new Uint8Array(64 * 1024 + 1) }),
      HandshakeRefusalReason.NODE,
      /node 1 shows an epoch record of 65537 bytes, 65536 are allowed/,
    ],
    [
      "node",
      hello({ address: "x".repeat(301) }),
      HandshakeRefusalReason.NODE,
      /node 1 shows an address of 301 characters, 300 are allowed/,
    ],
  ])(
    "a caller that does not fit is refused and told why: %s (%#)",
    async (counter, frame, reason, detail) => {
      const { zero, caller } = await refusedCaller(endpoints, frame);
      expect(caller.answers).toHaveLength(1);
      expect(caller.answers[0]?.hello).toBeUndefined();
      expect(caller.answers[0]?.refusal?.reason).toBe(reason);
      expect(caller.answers[0]?.refusal?.detail).toMatch(detail);
      expect(zero.counter(`refused_${counter}`)).toBe(1);
      expect(zero.warnings.join()).toMatch(detail);
    },
  );

  test("a refused caller's messages are not taken", async () => {
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
    const caller = endpoints.rawCaller(zero.address);
    caller.say(hello({ clusterId: otherCluster }), noHello);
    await until(() => caller.ended, "the connection has ended");
    caller.say(noHello);
    expect(zero.received).toHaveLength(0);
  });

  test("messages before the Hello are not taken", async () => {
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
    const caller = endpoints.rawCaller(zero.address);
    caller.say(noHello, hello());
    await until(() => caller.ended, "the connection has ended");
    expect(zero.received).toHaveLength(0);
    expect(zero.counter("refused_no_hello")).toBe(1);
  });
}

function testCallees(endpoints: Endpoints): void {
  const answering = { nodeId: 1n, to: 0n };
  test.each([
    [
      hello({ ...answering, protocolVersion: 9, newestVersion: 10 }),
      HandshakeRefusalReason.PROTOCOL_VERSION,
      "refused_protocol_version",
    ],
    [hello({ ...answering, clusterId: otherCluster }), HandshakeRefusalReason.CLUSTER, "refused_cluster"],
    [hello({ ...answering, nodeId: 2n }), HandshakeRefusalReason.NODE, "refused_node"],
    [hello({ ...answering, to: 4n }), HandshakeRefusalReason.NODE, "refused_node"],
    [
      hello({ ...answering, saveHistory: new Uint8Array(2000) }),
      HandshakeRefusalReason.STORE,
      "refused_store",
    ],
    [
      hello({ ...answering, epochRecord: new Uint8Array(64 * 1024 + 1) }),
      HandshakeRefusalReason.NODE,
      "refused_node",
    ],
  ])("a callee that does not fit is refused and told why (%#)", async (answer, reason, counter) => {
    const callee = await endpoints.rawCallee(answer);
    const peers = [
      { nodeId: 1, address: callee.address },
      { nodeId: 2, address: nowhere },
    ];
    const zero = await endpoints.start({ nodeId: 0, peers });
    zero.transport.send(accept(1, 1));
    await until(() => callee.heard.some((frame) => frame.refusal !== undefined), "the callee was told");
    const refusal = callee.heard.find((frame) => frame.refusal !== undefined)?.refusal;
    expect(refusal?.reason).toBe(reason);
    expect(callee.heard.flatMap((frame) => frame.messages)).toEqual([]);
    expect(zero.counter(counter)).toBeGreaterThan(0);
    expect(zero.connected).toHaveLength(0);
    const losses = (): string[] =>
      zero.disconnected.filter(({ peer }) => peer.nodeId === 1).map(({ reason: why }) => why);
    await until(() => losses().length > 0, "the failure was told");
    expect(losses()).toEqual([expect.stringMatching(/^refused: /)]);
  });

  test("a callee that says no Hello is sent no messages; that is counted, and told once", async () => {
    const callee = await endpoints.rawCallee(noHello);
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: callee.address }] });
    zero.transport.send(accept(1, 1));
    const closed = (): number =>
      Object.entries(zero.transport.counters())
        .filter(([name]) => /^(refused|closed)_/.test(name))
        .reduce((sum, [, count]) => sum + count, 0);
    await until(() => closed() > 2, "it was tried again and again");
    expect(callee.heard.flatMap((frame) => frame.messages)).toEqual([]);
    expect(zero.connected).toHaveLength(0);
    expect(zero.received).toHaveLength(0);
    expect(zero.disconnected).toHaveLength(1);
  });

  test("a refusal's words are kept to one line of bounded length", async () => {
    const detail = `two\nlines\u001b[31m ${"x".repeat(5000)}`;
    const refusal = { reason: HandshakeRefusalReason.STORE, detail };
    const callee = await endpoints.rawCallee(create(PeerFrameSchema, { refusal }));
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: callee.address }] });
    await until(() => zero.refused.length === 1, "refused");
    expect(zero.refused[0]?.refusal.reason).toBe("store");
    expect(zero.refused[0]?.refusal.detail).toMatch(/^two lines \[31m x+$/);
    expect(zero.refused[0]?.refusal.detail.length).toBeLessThanOrEqual(1000);
  });
}

function testAdmission(endpoints: Endpoints): void {
  test("nodes of two clusters refuse each other, and each learns it once", async () => {
    const address = await endpoints.freeAddress();
    const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }] });
    const peers = [{ nodeId: 0, address: zero.address }];
    const one = await endpoints.start({ nodeId: 1, address, identity: { clusterId: otherCluster }, peers });
    await until(() => zero.refused.length > 0 && one.refused.length > 0, "both were told");
    await until(() => zero.counter("refused_cluster") > 4, "it was tried again and again");
    expect(zero.refused).toHaveLength(1);
    expect(zero.refused[0]?.peer).toEqual({ nodeId: 1, address });
    expect(zero.refused[0]?.refusal.reason).toBe("cluster");
    expect(one.refused).toHaveLength(1);
    expect(one.connected).toHaveLength(0);
  });

  test("admit decides on the callee's side; the caller learns its words, and gets in once it is admitted", async () => {
    const address = await endpoints.freeAddress();
    const seen: Identity[] = [];
    let admitted = false;
    const zero = await endpoints.start({
      nodeId: 0,
      peers: [{ nodeId: 1, address: nowhere }],
      admit: (peer) => {
        seen.push(peer);
        return admitted ? undefined : { reason: "store", detail: otherStore };
      },
    });
    const peers = [{ nodeId: 0, address: zero.address }];
    const one = await endpoints.start({ nodeId: 1, address, identity: numbers, peers });
    await until(() => one.refused.length === 1, "refused");
    expect(one.refused[0]).toEqual({
      peer: { nodeId: 0, address: zero.address },
      refusal: { reason: "store", detail: otherStore },
    });
    expect(zero.counter("refused_store")).toBeGreaterThan(0);
    expect(seen[0]).toEqual({ ...identityOf(1), ...numbers });
    admitted = true;
    await until(() => one.connected.length === 1, "connected");
    one.transport.send(accept(0, 1));
    await until(() => zero.received.length === 1, "arrived");
  });

  test("admit decides on the caller's side as well; the callee learns its words", async () => {
    const seen: Identity[] = [];
    // Node 1 reaches nobody, so that it can only learn it on the connection that node 0 makes.
    const peers = [{ nodeId: 0, address: nowhere }];
    const one = await endpoints.start({ nodeId: 1, identity: numbers, peers });
    const zero = await endpoints.start({
      nodeId: 0,
      peers: [{ nodeId: 1, address: one.address }],
      admit: (peer) => {
        seen.push(peer);
        return { reason: "store", detail: otherStore };
      },
    });
    zero.transport.send(accept(1, 1));
    await until(() => one.refused.length === 1, "the callee was told");
    expect(one.refused[0]?.refusal).toEqual({ reason: "store", detail: otherStore });
    expect(seen[0]).toEqual({ ...identityOf(1), ...numbers });
    expect(one.received).toHaveLength(0);
    expect(zero.connected).toHaveLength(0);
    expect(zero.counter("refused_store")).toBeGreaterThan(0);
  });
}

function testWhoIsAskedAbout(endpoints: Endpoints): void {
  test("admit is asked only about peers that fit otherwise", async () => {
    const asked: number[] = [];
    const zero = await endpoints.start({
      nodeId: 0,
      peers: [{ nodeId: 1, address: nowhere }],
      admit: ({ nodeId }) => void asked.push(nodeId),
    });
    const misfits = [
      { nodeId: 0n },
      { to: 5n },
      { clusterId: otherCluster },
      { saveHistory: new Uint8Array(1025) },
      { epochRecord: new Uint8Array(64 * 1024 + 1) },
      { address: "x".repeat(301) },
    ];
    for (const frame of misfits.map((misfit) => hello(misfit))) {
      const caller = endpoints.rawCaller(zero.address);
      caller.say(frame);
      await until(() => caller.ended, "refused");
    }
    expect(asked).toEqual([]);
    const caller = endpoints.rawCaller(zero.address);
    caller.say(hello());
    await until(() => caller.answers.length === 1, "answered");
    const { clusterId: _, nodeId: __, protocolVersion: newestVersion, ...same } = identityOf(0);
    expect(caller.answers[0]?.hello).toMatchObject({
      ...same,
      nodeId: 0n,
      to: 1n,
      protocolVersion: 1,
      newestVersion,
    });
    expect(asked).toEqual([1]);
  });
}
