import { fromBinary } from "@bufbuild/protobuf";
import { MessageSchema } from "@paxos/proto";
import { afterEach, expect, test } from "@jest/globals";
import { accept, catchUpAnswer, identityOf, RecordedLinkage, snapshotChunk } from "../test/linkage.js";
import { until } from "../test/until.js";
import { handshakeRefusal, helloFrom } from "./handshake.js";
import type { ReplicaTransportOptions } from "./options.js";
import type { Ended, PeerAttempt } from "./peer-attempt.js";
import { PeerConnection } from "./peer-connection.js";

/** Attempts at connections to node 1, which a test lets succeed and end. */
class Attempts {
  readonly linkage: RecordedLinkage;
  readonly made: { readonly attempt: PeerAttempt; readonly end: (ended: Ended) => void }[] = [];
  readonly connection: PeerConnection;
  wakes = 0;

  constructor(options?: ReplicaTransportOptions) {
    this.linkage = new RecordedLinkage(options);
    this.connection = new PeerConnection(this.linkage.context.peers[0]!, this.linkage, (attempt) => {
      return new Promise((resolve) => {
        this.made.push({ attempt, end: resolve });
        attempt.signal.addEventListener("abort", () => resolve({ reason: "closed" }));
      });
    });
  }

  get last(): PeerAttempt {
    return this.made.at(-1)!.attempt;
  }

  connect(): void {
    const hello = helloFrom(identityOf(1), 0);
    if (this.last.answered({ hello }) !== undefined) throw new Error("the Hello did not fit");
    this.last.connected(() => this.wakes++);
  }

  /** Ends the last attempt, and waits for the next. */
  async end(ended: Ended): Promise<void> {
    const attempts = this.made.length;
    this.made.at(-1)?.end(ended);
    await until(() => this.made.length > attempts, "tried again");
  }

  /** What waits, as the cases of messages. */
  take(): (string | undefined)[] {
    return this.last.lanes.take(1_000_000).map((bytes) => fromBinary(MessageSchema, bytes).type.case);
  }
}

const open: Attempts[] = [];
const newAttempts = (options?: ReplicaTransportOptions): Attempts => {
  const attempts = new Attempts(options);
  open.push(attempts);
  return attempts;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ connection }) => connection.close()));
});

test("it says Hello to the peer, and messages wait for the handshake and wake it from then on", () => {
  const attempts = newAttempts();
  expect(attempts.last.hello()).toMatchObject({ nodeId: 0n, to: 1n, storeId: 100n, protocolVersion: 1 });
  attempts.connection.send(accept(1));
  expect(attempts.wakes).toBe(0);
  attempts.connect();
  attempts.connection.send(catchUpAnswer(1, 10));
  attempts.connection.send(snapshotChunk(1, 10));
  attempts.connection.send(accept(1));
  expect(attempts.wakes).toBe(3);
  expect(attempts.take()).toEqual(["accept", "accept", "catchUpAnswer", "snapshotChunk"]);
  expect(attempts.linkage.told).toEqual(["connected to 1"]);
});

test("a loss is told once, until a connection has succeeded", async () => {
  const attempts = newAttempts();
  await attempts.end({ reason: "nobody there" });
  await attempts.end({ reason: "still nobody" });
  attempts.connect();
  await attempts.end({ reason: "cut" });
  await attempts.end({ reason: "again" });
  expect(attempts.linkage.told).toEqual(["lost 1: nobody there", "connected to 1", "lost 1: cut"]);
});

test("a refusal by the peer is told as one, once", async () => {
  const attempts = newAttempts();
  const refusal = handshakeRefusal({ reason: "store", detail: "words" });
  for (let i = 0; i < 2; i++) {
    const failed = attempts.last.answered({ refusal });
    expect(failed).toEqual({ ended: {} });
    await attempts.end(failed!.ended);
  }
  attempts.connect();
  await attempts.end(attempts.last.refused(refusal));
  expect(attempts.linkage.told).toEqual([
    "refused by 1: store",
    "connected to 1",
    "refused by 1: store",
    "lost 1: refused: words",
  ]);
});

test("a peer that does not fit is told why, counted and logged", () => {
  const { last, linkage } = newAttempts();
  const hello = helloFrom(identityOf(2), 0);
  const failed = last.answered({ hello });
  expect(failed?.ended.reason).toMatch(/^refused: node 2 answers at the address of node 1/);
  expect(failed?.say?.detail).toMatch(/^node 2 answers/);
  expect(linkage.count("refused_node")).toBe(1);
  expect(linkage.warnings).toEqual([expect.stringMatching(/^refused what answers at one:1: node 2/)]);
});

test("messages to a peer that has been away for too long are dropped, those that wait included", async () => {
  const attempts = newAttempts({ keepUnsentMs: 0 });
  attempts.connect();
  attempts.connection.send(accept(1));
  await attempts.end({ reason: "cut" });
  // It has been away for some time, however short.
  await until(() => {
    attempts.connection.send(accept(1));
    return attempts.last.lanes.length === 0;
  }, "dropped");
  expect(attempts.linkage.count("dropped_disconnected")).toBeGreaterThanOrEqual(2);
  attempts.connect();
  attempts.connection.send(accept(1));
  expect(attempts.take()).toEqual(["accept"]);
});

test("what is too large, or finds its lane full, is dropped and counted", () => {
  const lanes = { control: { maxBytes: 1000, maxMessages: 1 }, bulk: { maxBytes: 1000, maxMessages: 2 } };
  const { connection, linkage } = newAttempts({ maxMessageBytes: 500, lanes });
  connection.send(catchUpAnswer(1, 501));
  for (let i = 0; i < 3; i++) connection.send(catchUpAnswer(1, 100));
  for (let i = 0; i < 3; i++) connection.send(accept(1));
  expect(linkage.counters.snapshot()).toMatchObject({
    dropped_too_large: 1,
    dropped_bulk_full: 1,
    dropped_control_full: 2,
  });
  expect(linkage.warnings.join()).toMatch(
    /dropped a message \(catchUpAnswer\) of \d+ bytes to node 1: the limit is 500/,
  );
});

test("closed on purpose, it drops and counts what waits, and tells nothing that is still on its way", async () => {
  const attempts = newAttempts();
  const { connection, linkage, last } = attempts;
  connection.send(accept(1));
  connection.send(catchUpAnswer(1, 10));
  const closing = connection.close();
  expect(last.answered({ hello: helloFrom(identityOf(2), 0) })).toEqual({ ended: {} });
  last.connected(() => undefined);
  last.refused(handshakeRefusal({ reason: "removed", detail: "words" }));
  await closing;
  expect(linkage.told).toEqual([]);
  expect(linkage.count("refused_node")).toBe(0);
  expect(linkage.count("dropped_not_sendable")).toBe(2);
  expect(attempts.made).toHaveLength(1);
});

test("it may be closed by whom it tells of a loss, and does not pause then", async () => {
  const attempts = newAttempts({ backOff: { minMs: 60_000, maxMs: 60_000 } });
  let closing: Promise<void> | undefined;
  attempts.linkage.onLoss = () => (closing = attempts.connection.close());
  attempts.made[0]?.end({ reason: "nobody there" });
  await until(() => closing !== undefined, "the loss was told");
  await closing;
  expect(attempts.made).toHaveLength(1);
});

test("a refusal is told anew once a peer has been none for a while", async () => {
  const attempts = newAttempts();
  const refusal = handshakeRefusal({ reason: "store", detail: "words" });
  await attempts.end(attempts.last.answered({ refusal })!.ended);
  await attempts.connection.close();
  attempts.linkage.notices.refused(attempts.last.peer, { reason: "store", detail: "words" });
  expect(attempts.linkage.told).toEqual(["refused by 1: store", "refused by 1: store"]);
});

test("a peer that has just been heard is tried at once", async () => {
  const attempts = newAttempts({ backOff: { minMs: 60_000, maxMs: 60_000 } });
  attempts.made[0]?.end({ reason: "nobody there" });
  await until(() => attempts.linkage.told.length === 1, "the loss was told");
  await Promise.resolve();
  attempts.connection.hurry();
  await until(() => attempts.made.length === 2, "tried again");
});

test("close ends the attempt, or the pause, and tells no loss", async () => {
  const attempts = newAttempts({ backOff: { minMs: 60_000, maxMs: 60_000 } });
  attempts.connect();
  await attempts.connection.close();
  expect(attempts.linkage.told).toEqual(["connected to 1"]);
  expect(attempts.made).toHaveLength(1);
  const paused = newAttempts({ backOff: { minMs: 60_000, maxMs: 60_000 } });
  paused.made[0]?.end({ reason: "nobody there" });
  await until(() => paused.linkage.told.length === 1, "the loss was told");
  await paused.connection.close();
  expect(paused.made).toHaveLength(1);
});
