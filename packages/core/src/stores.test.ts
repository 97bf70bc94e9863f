import { expect, test } from "@jest/globals";
import { LoneNode, storeOf } from "../test/lone-node.js";

test("a peer's store is recorded with its first message, and durable with the next save", () => {
  const node = new LoneNode(0, 3);
  node.receive(2, { case: "heartbeat", value: {} });
  node.flushAll();
  expect(node.disk.state?.peerStores).toMatchObject([{ nodeId: 2n, storeId: storeOf(2) }]);
  node.restart();
  expect(
    node.node.admit({ nodeId: 2, storeId: 5n, incarnation: 1n, saveHistory: new Uint8Array() })?.reason,
  ).toBe("store");
  expect(
    node.node.admit({ nodeId: 1, storeId: 5n, incarnation: 1n, saveHistory: new Uint8Array() }),
  ).toBeUndefined();
});

test("to be admitted is not to be recorded", () => {
  const node = new LoneNode(0, 3).flushAll();
  expect(
    node.node.admit({ nodeId: 2, storeId: 5n, incarnation: 1n, saveHistory: new Uint8Array() }),
  ).toBeUndefined();
  expect(
    node.node.admit({ nodeId: 2, storeId: 6n, incarnation: 1n, saveHistory: new Uint8Array() }),
  ).toBeUndefined();
  expect(node.node.ready()).toBeUndefined();
});

test.each([0, 3, -1, 0.5])("node %p is refused by node 0 of three: it is no peer", (nodeId) => {
  const node = new LoneNode(0, 3);
  expect(node.node.admit({ nodeId, storeId: 5n, incarnation: 1n, saveHistory: new Uint8Array() })).toEqual({
    reason: "node",
    detail: `node 0 has no peer with id ${nodeId}; the members are 0, 1, 2`,
  });
});

test("a refusal names both stores, in hex", () => {
  const node = new LoneNode(0, 3).meet();
  const refusal = node.node.admit({
    nodeId: 2,
    storeId: 0xabcn,
    incarnation: 1n,
    saveHistory: new Uint8Array(),
  });
  expect(refusal?.detail).toMatch(
    /^node 0 knows node 2 with the storage 00000000000003ea, not 0000000000000abc\. .*Start node 2 with its original/,
  );
  expect(node.status.counters["wrong_store"]).toBe(1);
});

test("a message without a store id is ignored, before and after the first contact", () => {
  const node = new LoneNode(0, 3);
  node.receive(2, { case: "heartbeat", value: {} }, 0n).flushAll();
  expect(node.status.counters["wrong_store"]).toBe(1);
  expect(node.saves.flatMap(({ state }) => state.peerStores)).toEqual([]);
  node.meet().receive(2, { case: "heartbeat", value: {} }, 0n);
  expect(node.status.counters["wrong_store"]).toBe(2);
});

test("every voter is on record everywhere only when all others say so too", () => {
  const node = new LoneNode(0, 3).meet();
  expect(node.status.storesRecorded).toBe(false);
  node.receive(1, { case: "heartbeat", value: { knowsStores: true } });
  expect(node.status.storesRecorded).toBe(false);
  node.receive(2, { case: "heartbeat", value: { knowsStores: true } });
  expect(node.status.storesRecorded).toBe(true);
  expect(new LoneNode(0, 1).status.storesRecorded).toBe(true);
});
