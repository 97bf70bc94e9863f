import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { encodeClientUpdate, MessageSchema, RefusalReason } from "@paxos/proto";
import { describeMessage } from "./describe.js";
import type { MessageContent } from "./outbox.js";

function update(text: string) {
  return encodeClientUpdate({
    clientId: 7n,
    nodeId: 1n,
    timestamp: 3n,
    update: new TextEncoder().encode(text),
  });
}

function message(type: MessageContent) {
  return create(MessageSchema, { from: 1n, to: 2n, epoch: 0n, storeId: 9n, type });
}

const proposal = { nodeId: 1n, view: 4n, seq: 9n, updates: [update("a"), new Uint8Array()] };

test.each<[string, MessageContent]>([
  [
    "ViewChange view=4 aru=8 quorum",
    { case: "viewChange", value: { nodeId: 1n, attemptedView: 4n, localAru: 8n, hearsQuorum: true } },
  ],
  ["ViewChange view=4 aru=8", { case: "viewChange", value: { nodeId: 1n, attemptedView: 4n, localAru: 8n } }],
  [
    "ViewChangeProof view=4 hears-leader",
    { case: "viewChangeProof", value: { nodeId: 1n, installedView: 4n, hearsLeader: true } },
  ],
  ["Prepare view=4 aru=8", { case: "prepare", value: { nodeId: 1n, view: 4n, localAru: 8n } }],
  [
    'PrepareOK view=6 aru=8 [view=4 seq=9 {7/3 "a", noop} ?]',
    {
      case: "prepareOk",
      value: {
        nodeId: 1n,
        view: 6n,
        localAru: 8n,
        dataList: [message({ case: "proposal", value: proposal }), message({ case: "prepare", value: {} })],
      },
    },
  ],
  ['Proposal view=4 seq=9 {7/3 "a", noop}', { case: "proposal", value: proposal }],
  ["Accept view=4 seq=10 aru=8", { case: "accept", value: { nodeId: 1n, view: 4n, seq: 10n, localAru: 8n } }],
  ["GloballyOrderedUpdate seq=5", { case: "globallyOrderedUpdate", value: { seq: 5n } }],
  ['ClientUpdate 7/3 "hello"', { case: "clientUpdate", value: update("hello") }],
  [
    "Heartbeat view=4 aru=8 promised=4 accepted=10 leads quorum",
    {
      case: "heartbeat",
      value: { view: 4n, localAru: 8n, promisedView: 4n, acceptedSeq: 10n, leading: true, hearsQuorum: true },
    },
  ],
  ["Heartbeat view=0 aru=0 promised=0 accepted=0", { case: "heartbeat", value: {} }],
  ["CatchUpRequest seq=5", { case: "catchUpRequest", value: { seq: 5n, maxBytes: 100n } }],
  [
    "CatchUpAnswer seq=5 updates=2 aru=8",
    { case: "catchUpAnswer", value: { seq: 5n, updates: proposal.updates, localAru: 8n } },
  ],
  [
    "UpdateRefusal 7/3 TOO_LARGE",
    { case: "updateRefusal", value: { clientId: 7n, timestamp: 3n, reason: RefusalReason.TOO_LARGE } },
  ],
  ["nothing", { case: undefined }],
])("%s", (text, type) => {
  expect(describeMessage(message(type))).toBe(`1->2 ${text}`);
});

function describeUpdate(bytes: Uint8Array): string {
  return describeMessage(message({ case: "clientUpdate", value: bytes })).replace("1->2 ClientUpdate ", "");
}

test("bytes that cannot be printed are shown in hex, long updates are cut", () => {
  expect(describeUpdate(update("a\n\u00e9~\x7f"))).toBe('7/3 "a\\x0a\\xc3\\xa9~\\x7f"');
  expect(describeUpdate(update("x".repeat(24)))).toBe(`7/3 "${"x".repeat(24)}"`);
  expect(describeUpdate(update("x".repeat(25)))).toBe(`7/3 "${"x".repeat(24)}"... (25 bytes)`);
});

test("bytes that are no update are not decoded in vain", () => {
  expect(describeUpdate(new Uint8Array([0xff]))).toBe("1 bytes that are no update");
});
