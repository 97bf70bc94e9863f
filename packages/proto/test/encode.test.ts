import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import {
  ClientUpdateSchema,
  decodeMessage,
  encodeMessage,
  encodeProposal,
  MessageSchema,
  ProposalSchema,
  RefusalReason,
  type Accept,
  type Message,
} from "../src/index.js";

type Content = NonNullable<MessageInitShape<typeof MessageSchema>["type"]>;
type Envelope = Partial<Record<"to" | "epoch" | "group" | "storeId" | "from", bigint>>;

const update = { clientId: 2n ** 64n - 1n, nodeId: 1n, timestamp: 3n, update: Uint8Array.of(0, 255, 128) };
const encodedUpdate = toBinary(ClientUpdateSchema, create(ClientUpdateSchema, update));
const proposal = { nodeId: 1n, view: 4n, seq: 130n, updates: [encodedUpdate, encodedUpdate] };

const contents: Content[] = [
  { case: "viewChange", value: { nodeId: 1n, attemptedView: 5n, localAru: 6n, hearsQuorum: true } },
  { case: "viewChangeProof", value: { nodeId: 1n, installedView: 4n, hearsLeader: true } },
  { case: "prepare", value: { nodeId: 1n, view: 4n, localAru: 128n } },
  {
    case: "prepareOk",
    value: {
      nodeId: 1n,
      view: 4n,
      dataList: [{ type: { case: "proposal", value: proposal } }],
      localAru: 128n,
    },
  },
  { case: "proposal", value: proposal },
  {
    case: "accept",
    value: {
      nodeId: 1n,
      view: 4n,
      seq: 131n,
      localAru: 129n,
      saveNumber: 2n ** 35n,
      saveIncarnation: 2n ** 64n - 1n,
    },
  },
  {
    case: "globallyOrderedUpdate",
    value: { nodeId: 1n, seq: 129n, update, result: encodedUpdate, duplicate: true },
  },
  { case: "clientUpdate", value: encodedUpdate },
  {
    case: "heartbeat",
    value: {
      nodeId: 1n,
      view: 4n,
      localAru: 129n,
      promisedView: 4n,
      acceptedSeq: 131n,
      leading: true,
      hearsQuorum: true,
      knowsStores: true,
      preparing: true,
      saveNumber: 7n,
      saveIncarnation: 2n ** 63n + 1n,
    },
  },
  { case: "catchUpRequest", value: { nodeId: 1n, seq: 7n, maxBytes: 1_048_576n } },
  {
    case: "catchUpAnswer",
    value: { nodeId: 1n, seq: 7n, updates: [encodedUpdate], localAru: 9n, firstSeq: 1n },
  },
  {
    case: "updateRefusal",
    value: { nodeId: 1n, clientId: update.clientId, timestamp: 3n, reason: RefusalReason.BUSY },
  },
  {
    case: "snapshotRequest",
    value: { nodeId: 1n, seq: 9n, origin: 2n ** 64n - 1n, index: 3 },
  },
  {
    case: "snapshotChunk",
    value: {
      nodeId: 2n,
      snapshot: { formatVersion: 1, seq: 9n, origin: 7n, chunks: 4, bytes: 1000n, checksum: 2 ** 32 - 1 },
      index: 3,
      data: new Uint8Array([1, 2, 3]),
      checksum: 5,
      localAru: 12n,
    },
  },
  { case: "leaderTransfer", value: { nodeId: 1n, view: 4n, nextView: 8n } },
  { case: "readIndexRequest", value: { nodeId: 1n, incarnation: 2n ** 64n - 1n, number: 3n } },
  { case: "readIndexAnswer", value: { nodeId: 1n, incarnation: 5n, number: 3n, seq: 99n } },
  { case: "confirmView", value: { nodeId: 1n, view: 4n, round: 7n, leaseTicks: 30 } },
  { case: "viewConfirmed", value: { nodeId: 2n, view: 4n, round: 7n, leases: true } },
];

const envelopes: Envelope[] = [
  {},
  { to: 2n },
  { to: 2n, epoch: 3n },
  { to: 2n, group: 4n },
  { to: 2n, storeId: 2n ** 64n - 1n },
  { to: 2n ** 64n - 1n, epoch: 300n, group: 2n ** 63n, storeId: 1n, from: 1n },
  { from: 2n ** 64n - 1n },
];

const cases = contents.flatMap((type) => envelopes.map((envelope) => ({ ...envelope, type })));

test.each(cases)(
  "$type.case is written as toBinary does and read as fromBinary does, to $to epoch $epoch group $group store $storeId",
  (init) => {
    const message = create(MessageSchema, init);
    const bytes = encodeMessage(message);
    expect(bytes).toEqual(toBinary(MessageSchema, message));
    expect(decodeMessage(bytes)).toEqual(fromBinary(MessageSchema, bytes));
  },
);

test("every kind of message is among the cases", () => {
  const kinds = MessageSchema.oneofs[0]?.fields.map(({ localName }) => localName);
  expect(contents.map((content) => content.case)).toEqual(kinds);
});

test("a message without content is encoded too", () => {
  const message = create(MessageSchema, { to: 2n, epoch: 1n, storeId: 5n });
  expect(encodeMessage(message)).toEqual(toBinary(MessageSchema, message));
});

test.each(["proposal", "accept", "heartbeat"] as const)("an empty %s is written and read too", (kind) => {
  const message = create(MessageSchema, { type: { case: kind, value: {} } });
  const bytes = encodeMessage(message);
  expect(bytes).toEqual(toBinary(MessageSchema, message));
  expect(decodeMessage(bytes)).toEqual(fromBinary(MessageSchema, bytes));
});

test.each(["accept", "heartbeat"] as const)(
  "fields of an %s that this release does not know are kept",
  (kind) => {
    const message = create(MessageSchema, { type: { case: kind, value: { nodeId: 1n } } });
    (message.type.value as Accept).$unknown = [{ no: 99, wireType: 0, data: Uint8Array.of(1) }];
    const bytes = encodeMessage(message);
    expect(bytes).toEqual(toBinary(MessageSchema, message));
    expect(decodeMessage(bytes)).toEqual(fromBinary(MessageSchema, bytes));
  },
);

test("what is unusual is read, or refused, as protobuf-es does it", () => {
  let state = 1;
  const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  const attempt = (decode: () => Message): Message | "refused" => {
    try {
      return decode();
    } catch {
      return "refused";
    }
  };
  const frequent = contents.filter(({ case: kind }) => kind === "accept" || kind === "heartbeat");
  const short: Content = {
    case: "proposal",
    value: { ...proposal, updates: [Uint8Array.of(1), new Uint8Array()] },
  };
  const wholes = [{ case: "proposal", value: proposal } as const, short, ...frequent].map((type) =>
    toBinary(MessageSchema, create(MessageSchema, { to: 2n, epoch: 3n, storeId: 7n, from: 1n, type })),
  );
  const whole = wholes[1] as Uint8Array;
  // Twice the same field of the oneof: merged.
  wholes.push(Uint8Array.from([...whole, ...whole]));
  let refused = 0;
  for (let i = 0; i < 8_000; i++) {
    const chosen = wholes[i % wholes.length] as Uint8Array;
    const bytes = random(2) === 0 ? chosen.slice() : chosen.slice(0, random(chosen.length));
    for (let changes = random(3); changes > 0 && bytes.length > 0; changes--)
      bytes[random(bytes.length)] = random(256);
    const expected = attempt(() => fromBinary(MessageSchema, bytes));
    expect(attempt(() => decodeMessage(bytes))).toEqual(expected);
    if (expected === "refused") refused++;
  }
  expect(refused).toBeGreaterThan(1_000);
  expect(refused).toBeLessThan(7_000);
});

test("a proposal is encoded once for all its receivers and its storage", () => {
  const shared = create(ProposalSchema, proposal);
  const first = encodeProposal(shared);
  expect(first).toEqual(toBinary(ProposalSchema, shared));
  // A second encoding would see this change; nobody but a test may make it.
  shared.seq = 999n;
  expect(encodeProposal(shared)).toBe(first);
  const message = create(MessageSchema, { to: 3n, type: { case: "proposal", value: shared } });
  expect(Buffer.from(encodeMessage(message)).includes(Buffer.from(first))).toBe(true);
});
