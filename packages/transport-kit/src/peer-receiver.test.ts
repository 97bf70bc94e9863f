import { toBinary } from "@bufbuild/protobuf";
import { HandshakeRefusalReason, MessageSchema, type Message } from "@paxos/proto";
import { expect, jest, test } from "@jest/globals";
import { accept, catchUpAnswer, identityOf, RecordedLinkage } from "../test/linkage.js";
import type { Connection } from "./connection.js";
import { handshakeRefusal, helloFrom } from "./handshake.js";
import { PeerReceiver } from "./peer-receiver.js";

class Caller implements Connection {
  readonly remote = "10.0.0.1:5";
  readonly bytesRead = 0;
  hungUp = false;
  readonly #onClose: (() => void)[] = [];
  ping(): void {}
  hangUp(): void {
    this.hungUp = true;
    for (const callback of this.#onClose.splice(0)) callback();
  }
  onClose(callback: () => void): void {
    this.#onClose.push(callback);
  }
}

function newReceiver(): { linkage: RecordedLinkage; receiver: PeerReceiver; admitted: number[] } {
  const linkage = new RecordedLinkage({ maxMessageBytes: 1000 });
  const admitted: number[] = [];
  return { linkage, admitted, receiver: new PeerReceiver(linkage, (nodeId) => admitted.push(nodeId)) };
}

const encoded = (message: Message): Uint8Array => toBinary(MessageSchema, message);
const one = identityOf(1);

test("a caller that fits is answered with a Hello to it", () => {
  const { receiver, linkage } = newReceiver();
  const answer = receiver.greet({ hello: helloFrom(one, 0) }, new Caller());
  expect(answer).toMatchObject({ from: 1, hello: { nodeId: 0n, to: 1n, storeId: 100n } });
  expect(linkage.warnings).toEqual([]);
});

test("a caller that does not fit is refused, counted and logged", () => {
  const { receiver, linkage } = newReceiver();
  const answer = receiver.greet(undefined, new Caller());
  expect(answer).toMatchObject({ refusal: { reason: HandshakeRefusalReason.NO_HELLO } });
  expect(linkage.count("refused_no_hello")).toBe(1);
  expect(linkage.warnings.join()).toMatch(
    /^refused a connection from 10\.0\.0\.1:5: the first frame was no Hello/,
  );
});

test("the newest connection of a peer replaces the one before, and no other", () => {
  const { receiver, admitted } = newReceiver();
  const [first, second, third, other] = [new Caller(), new Caller(), new Caller(), new Caller()];
  receiver.admit(2, other);
  receiver.admit(1, first);
  receiver.admit(1, first);
  expect(first.hungUp).toBe(false);
  receiver.admit(1, second);
  expect(first.hungUp).toBe(true);
  second.hangUp();
  second.hungUp = false;
  receiver.admit(1, third);
  // It had ended by itself.
  expect(second.hungUp).toBe(false);
  expect(third.hungUp || other.hungUp).toBe(false);
  expect(admitted).toEqual([2, 1, 1, 1, 1]);
});

test("messages are handed on in their order", () => {
  const { receiver, linkage } = newReceiver();
  const messages = [accept(0), catchUpAnswer(0, 5)].map(encoded);
  expect(receiver.receive(1, { messages }, new Caller())).toBe(true);
  expect(linkage.told).toEqual(["accept from 1", "catchUpAnswer from 1"]);
});

test.each([
  [
    "too large",
    encoded(catchUpAnswer(0, 1001)),
    "closed_undecodable",
    /a message of \d+ bytes; the limit is 1000$/,
  ],
  ["undecodable", new Uint8Array([255]), "closed_undecodable", /a message that does not decode$/],
  ["for another node", encoded(accept(2)), "closed_misdirected", /a message for node 2 from node 1$/],
])("a message that is %s ends its connection; nothing after it is handed on", (_, bytes, counter, words) => {
  const { receiver, linkage } = newReceiver();
  const caller = new Caller();
  const messages = [encoded(accept(0)), bytes, encoded(accept(0))];
  expect(receiver.receive(1, { messages }, caller)).toBe(false);
  expect(caller.hungUp).toBe(true);
  expect(linkage.told).toEqual(["accept from 1"]);
  expect(linkage.count(counter)).toBe(1);
  expect(linkage.warnings.join()).toMatch(words);
});

test("a refusal after the handshake is told, and ends the connection", () => {
  const { receiver, linkage } = newReceiver();
  const refusal = handshakeRefusal({ reason: "cluster", detail: "words" });
  expect(receiver.receive(2, { messages: [], refusal }, new Caller())).toBe(false);
  expect(linkage.told).toEqual(["refused by 2: cluster"]);
});

test("a throw of the node is the node's own: the connection goes on, and the throw is not swallowed", async () => {
  const { receiver, linkage } = newReceiver();
  const fatal = new Error("broken invariant");
  linkage.onMessage = () => {
    throw fatal;
  };
  const later: (() => void)[] = [];
  const queue = jest
    .spyOn(globalThis, "queueMicrotask")
    .mockImplementation((callback) => void later.push(callback));
  const caller = new Caller();
  expect(receiver.receive(1, { messages: [encoded(accept(0))] }, caller)).toBe(true);
  queue.mockRestore();
  expect(caller.hungUp).toBe(false);
  expect(later).toHaveLength(1);
  expect(later[0]).toThrow(fatal);
});
