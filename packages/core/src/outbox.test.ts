import { create } from "@bufbuild/protobuf";
import { decodeClientUpdate, ProposalSchema } from "@paxos/proto";
import { expect, test } from "@jest/globals";

import { InvariantError } from "./errors.js";
import { Outbox, type Durable, type MessageContent } from "./outbox.js";

const makes: Durable = {
  saveNumber: 1,
  epoch: 0,
  promisedView: 0,
  ledView: undefined,
  aru: 0,
  accepted: { view: 0, seq: 0 },
  peerStores: [],
  install: undefined,
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
  outbox.refusals.push({ clientId: 1n, timestamp: 1n, code: "too_large" });
  outbox.reads.push({ to: 1, from: 1, upTo: 2, maxBytes: 3 });
  outbox.orderedUpdates.push({
    seq: 1,
    noop: true,
    ...decodeClientUpdate(new Uint8Array()),
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
  outbox.queueRun(create(ProposalSchema), 0);
  const save = outbox.beginSave(makes, 17);
  expect([save.runs.length, save.messages.length]).toEqual([1, 1]);
  expect(outbox.saving).toMatchObject({ makes, since: 17 });
  const { saveWanted, acceptWanted, runs, promises } = outbox;
  expect([saveWanted, acceptWanted, runs.length, promises.length]).toEqual([false, false, 0, 0]);
  expect(outbox.endSave(1)).toBe(makes);
  expect(outbox.saving).toBeUndefined();
});

test("what is queued for saving counts until it is durable, the save under way included", () => {
  const outbox = makeOutbox();
  const queue = (...sizes: number[]): void => {
    const updates = sizes.map((size) => new Uint8Array(size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    outbox.queueRun(create(ProposalSchema, { seq: 1n, updates }), bytes);
  };
  queue(3, 4);
  expect(outbox.saveWanted).toBe(true);
  expect(outbox.backlog).toEqual({ updates: 2, bytes: 7 });
  outbox.beginSave(makes, 0);
  queue(5);
  expect(outbox.backlog).toEqual({ updates: 3, bytes: 12 });
  outbox.endSave(1);
  expect(outbox.backlog).toEqual({ updates: 1, bytes: 5 });
  outbox.beginSave({ ...makes, saveNumber: 2 }, 0);
  outbox.endSave(2);
  expect(outbox.backlog).toEqual({ updates: 0, bytes: 0 });
});

test("the end of a save that is not under way is a broken invariant", () => {
  const outbox = makeOutbox();
  expect(() => outbox.endSave(1)).toThrow(InvariantError);
  outbox.beginSave(makes, 0);
  expect(() => outbox.endSave(2)).toThrow(InvariantError);
});

test("a second save beside one that is under way is a broken invariant", () => {
  const outbox = makeOutbox();
  outbox.beginSave(makes, 0);
  expect(() => outbox.beginSave({ ...makes, saveNumber: 2 }, 0)).toThrow(InvariantError);
});
