import { create } from "@bufbuild/protobuf";
import { HandshakeRefusalReason, PeerFrameSchema } from "@paxos/proto";
import { afterEach, expect, test } from "@jest/globals";
import { accept, clusterId, Endpoints, freePort, until, type Endpoint } from "./endpoint.js";
import { hello, RawCallee, RawCaller } from "./raw-peer.js";

const endpoints = new Endpoints();
const callers: RawCaller[] = [];
const callees: RawCallee[] = [];
afterEach(async () => {
  await endpoints.close();
  await Promise.all([...callers.splice(0), ...callees.splice(0)].map((raw) => raw.close()));
});

const nowhere = "127.0.0.1:9";
const otherCluster = new Uint8Array(32).fill(8);

/** Node 0, and a caller that begins with `frame`; resolves with what the caller is answered. */
async function answerTo(frame: ReturnType<typeof hello>): Promise<{ zero: Endpoint; caller: RawCaller }> {
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }] });
  const caller = new RawCaller(zero.address);
  callers.push(caller);
  caller.say(frame);
  await until(() => caller.ended, "the stream has ended");
  return { zero, caller };
}

test.each([
  ["no_hello", create(PeerFrameSchema), HandshakeRefusalReason.NO_HELLO, /first frame was no Hello/],
  [
    "protocol_version",
    hello({ protocolVersion: 2 }),
    HandshakeRefusalReason.PROTOCOL_VERSION,
    /node 1 speaks version 2 .* this node version 1; run releases/,
  ],
  [
    "cluster",
    hello({ clusterId: otherCluster }),
    HandshakeRefusalReason.CLUSTER,
    /cluster 0808080808080808, node 0 to 0707070707070707; start both with the same hostfile/,
  ],
  [
    "node",
    hello({ nodeId: 5n }),
    HandshakeRefusalReason.NODE,
    /node 5 is no member of the cluster; its members are 0, 1/,
  ],
  [
    "node",
    hello({ nodeId: 0n }),
    HandshakeRefusalReason.NODE,
    /0 is this node's own id; give each node an id of its own/,
  ],
  ["node", hello({ to: 3n }), HandshakeRefusalReason.NODE, /takes this node for node 3, but it is node 0/],
])("a caller that does not fit is refused and told why: %s", async (counter, frame, reason, detail) => {
  const { zero, caller } = await answerTo(frame);
  expect(caller.answers).toHaveLength(1);
  expect(caller.answers[0]?.hello).toBeUndefined();
  expect(caller.answers[0]?.refusal?.reason).toBe(reason);
  expect(caller.answers[0]?.refusal?.detail).toMatch(detail);
  expect(zero.counter(`refused_${counter}`)).toBe(1);
  expect(zero.warnings.join()).toMatch(detail);
});

test("a refused caller's messages are not taken", async () => {
  const { zero, caller } = await answerTo(hello({ clusterId: otherCluster }));
  caller.say(create(PeerFrameSchema, { messages: [new Uint8Array([8, 0])] }));
  expect(zero.received).toHaveLength(0);
});

test.each([
  [
    hello({ nodeId: 1n, to: 0n, protocolVersion: 9 }),
    HandshakeRefusalReason.PROTOCOL_VERSION,
    "refused_protocol_version",
  ],
  [hello({ nodeId: 1n, to: 0n, clusterId: otherCluster }), HandshakeRefusalReason.CLUSTER, "refused_cluster"],
  [hello({ nodeId: 2n, to: 0n }), HandshakeRefusalReason.NODE, "refused_node"],
  [hello({ nodeId: 1n, to: 4n }), HandshakeRefusalReason.NODE, "refused_node"],
  [create(PeerFrameSchema), HandshakeRefusalReason.NO_HELLO, "refused_no_hello"],
])("a callee that does not fit is refused and told why (%#)", async (answer, reason, counter) => {
  const callee = new RawCallee(answer);
  callees.push(callee);
  const peers = [{ nodeId: 1, address: await callee.start() }];
  const zero = await endpoints.start({ nodeId: 0, peers });
  zero.transport.send(accept(1, 1));
  await until(() => callee.heard.some((frame) => frame.refusal !== undefined), "the callee was told");
  const refusal = callee.heard.find((frame) => frame.refusal !== undefined)?.refusal;
  expect(refusal?.reason).toBe(reason);
  expect(callee.heard.flatMap((frame) => frame.messages)).toEqual([]);
  expect(zero.counter(counter)).toBeGreaterThan(0);
  expect(zero.connected).toHaveLength(0);
  await until(() => zero.disconnected.length === 1, "the failure was told");
  expect(zero.disconnected[0]?.reason).toMatch(/^refused: /);
});

test("nodes of two clusters refuse each other, and each learns it once", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address }] });
  const peers = [{ nodeId: 0, address: zero.address }];
  const one = await endpoints.start({ nodeId: 1, address, clusterId: otherCluster, peers });
  await until(() => zero.refused.length > 0 && one.refused.length > 0, "both were told");
  await until(() => zero.counter("refused_cluster") > 4, "it was tried again and again");
  expect(zero.refused).toHaveLength(1);
  expect(zero.refused[0]?.peer).toEqual({ nodeId: 1, address });
  expect(zero.refused[0]?.refusal.reason).toBe("cluster");
  expect(one.refused).toHaveLength(1);
  expect(one.connected).toHaveLength(0);
});

test("admit decides on the callee's side; the caller learns its words, and gets in once it is admitted", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  let admitted = false;
  const detail = "the storage of node 1 is not the one on record; replace the member";
  const admit = (): { reason: "store"; detail: string } | undefined =>
    admitted ? undefined : { reason: "store", detail };
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: nowhere }], admit });
  const one = await endpoints.start({ nodeId: 1, address, peers: [{ nodeId: 0, address: zero.address }] });
  await until(() => one.refused.length === 1, "refused");
  expect(one.refused[0]).toEqual({
    peer: { nodeId: 0, address: zero.address },
    refusal: { reason: "store", detail },
  });
  admitted = true;
  await until(() => one.connected.length === 1, "connected");
  one.transport.send(accept(0, 1));
  await until(() => zero.received.length === 1, "arrived");
});

test("admit decides on the caller's side as well; the callee learns its words", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const detail = "the storage of node 1 is not the one on record; replace the member";
  const seen: bigint[] = [];
  const zero = await endpoints.start({
    nodeId: 0,
    peers: [{ nodeId: 1, address }],
    admit: ({ storeId }) => {
      seen.push(storeId);
      return { reason: "store", detail };
    },
  });
  // Node 1 reaches nobody, so that it can only have learnt it on the connection that node 0 made.
  const one = await endpoints.start({
    nodeId: 1,
    address,
    storeId: 77n,
    peers: [{ nodeId: 0, address: nowhere }],
  });
  zero.transport.send(accept(1, 1));
  await until(() => one.refused.length === 1, "the callee was told");
  expect(one.refused[0]?.refusal).toEqual({ reason: "store", detail });
  expect(seen).toContain(77n);
  expect(one.received).toHaveLength(0);
  expect(zero.connected).toHaveLength(0);
  expect(zero.counter("refused_store")).toBeGreaterThan(0);
});

test("a refusal's words are kept to one line of bounded length", async () => {
  const refusal = {
    reason: HandshakeRefusalReason.STORE,
    detail: `two\nlines\u001b[31m ${"x".repeat(5000)}`,
  };
  const callee = new RawCallee(create(PeerFrameSchema, { refusal }));
  callees.push(callee);
  const zero = await endpoints.start({ nodeId: 0, peers: [{ nodeId: 1, address: await callee.start() }] });
  await until(() => zero.refused.length === 1, "refused");
  expect(zero.refused[0]?.refusal.detail).toMatch(/^two lines \[31m x+$/);
  expect(zero.refused[0]?.refusal.detail.length).toBeLessThanOrEqual(1000);
});

test("the identity that is compared is the whole cluster id", async () => {
  const longer = new Uint8Array([...clusterId, 1]);
  const { zero } = await answerTo(hello({ clusterId: longer }));
  expect(zero.counter("refused_cluster")).toBe(1);
});
