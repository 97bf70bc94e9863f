import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { StoredRunSchema } from "@paxos/proto";
import { InvariantError } from "./errors.js";
import { Outbox, type Durable, type MessageContent } from "./outbox.js";

const makes: Durable = {
  saveNumber: 1,
  promisedView: 0,
  ledView: undefined,
  aru: 0,
  accepted: { view: 0, seq: 0 },
  peerStores: [],
};
const content: MessageContent = { case: "prepare", value: { view: 3n } };

function makeOutbox(): Outbox {
  return new Outbox({ from: 2, epoch: 5, storeId: 99n });
}

test("each message carries receiver, sender, epoch and store id", () => {
  const outbox = makeOutbox();
  outbox.send(1, content);
  expect(outbox.messages).toMatchObject([
    { to: 1n, from: 2n, epoch: 5n, group: 0n, storeId: 99n, type: { case: "prepare", value: { view: 3n } } },
  ]);
});

test("what is taken is not given again", () => {
  const outbox = makeOutbox();
  expect(outbox.isEmpty).toBe(true);
  outbox.send(1, content);
  outbox.refusals.push({ clientId: 1n, timestamp: 1n, code: "busy" });
  outbox.reads.push({ to: 1, from: 1, upTo: 2, maxBytes: 3 });
  outbox.orderedUpdates.push({
    seq: 1,
    noop: true,
    clientId: 0n,
    nodeId: 0n,
    timestamp: 0n,
    update: new Uint8Array(),
  });
  expect(outbox.isEmpty).toBe(false);
  const ready = outbox.take(undefined);
  expect([
    ready.messages.length,
    ready.refusals.length,
    ready.reads.length,
    ready.orderedUpdates.length,
  ]).toEqual([1, 1, 1, 1]);
  expect(outbox.isEmpty).toBe(true);
  expect(outbox.take(undefined).messages).toEqual([]);
});

test.each(["messages", "refusals", "reads", "orderedUpdates"] as const)(
  "is not empty with %s alone",
  (name) => {
    const outbox = makeOutbox();
    (outbox[name] as unknown[]).push({});
    expect(outbox.isEmpty).toBe(false);
  },
);

test("a promise goes with the next save only, and asks for one", () => {
  const outbox = makeOutbox();
  outbox.sendAfterSave(1, content);
  expect([outbox.saveWanted, outbox.isEmpty]).toEqual([true, true]);
  outbox.runs.push(create(StoredRunSchema, { formatVersion: 1 }));
  const save = outbox.beginSave(makes, 17);
  expect([save.runs.length, save.messages.length]).toEqual([1, 1]);
  expect(outbox.saving).toEqual({ makes, since: 17 });
  expect([outbox.saveWanted, outbox.acceptWanted, outbox.runs.length, outbox.promises.length]).toEqual([
    false,
    false,
    0,
    0,
  ]);
});

test("a second save beside one that is under way is a broken invariant", () => {
  const outbox = makeOutbox();
  outbox.beginSave(makes, 0);
  expect(() => outbox.beginSave({ ...makes, saveNumber: 2 }, 0)).toThrow(InvariantError);
});
