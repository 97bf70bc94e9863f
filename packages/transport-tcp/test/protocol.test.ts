import { create, ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import {
  AcceptSchema,
  FrameSchema,
  HeartbeatSchema,
  HandshakeRefusalReason,
  MessageSchema,
  encodeMessage,
  type Message,
} from "@paxos/proto";
import { helloFrom } from "@paxos/transport-kit";
import { encodeFrame } from "../src/frame.js";
import { FrameDecoder } from "../src/frame-decoder.js";
import { clusterId, identityOf } from "./endpoint.js";
import { examples, protocol } from "./protocol-document.js";

/** A message of node 1, whose storage is 101, to node 2. */
const message = (type: Message["type"]): Uint8Array =>
  encodeMessage(create(MessageSchema, { to: 2n, type, storeId: 101n, from: 1n }));

const membersToldOf = {
  epochRecord: { epoch: 6n, voters: [{ nodeId: 3n, address: "n3:80" }] },
  leaderId: 3n,
  nodeId: 3n,
  heard: [3n, 4n],
};
const promotion = { changeId: 7n, type: { case: "promote" as const, value: 4n } };
const introduced = {
  ...identityOf(1),
  saveHistory: Uint8Array.of(1, 2),
  epochRecord: Uint8Array.of(0x10, 6),
  address: "n1:80",
};

const meant: Record<string, Parameters<typeof encodeFrame>[0]> = {
  "client-hello": { clientHello: { protocolVersion: 1 } },
  "server-hello": {
    serverHello: { protocolVersion: 1, nodeId: 3n, clusterId, maxRequestBytes: 2 * 1024 * 1024 },
  },
  ping: { ping: 300n },
  pong: { pong: 300n },
  updates: { updates: { updates: [{ clientId: 7n, timestamp: 1n, update: Buffer.from("hello") }] } },
  answers: {
    answers: {
      answers: [{ clientId: 7n, timestamp: 1n, seq: 1n, result: Buffer.from("HELLO") }],
      leaderId: 3n,
    },
  },
  queries: { updates: { queries: [{ id: 1n, request: { query: Buffer.from("hello?") } }] } },
  "query-answers": {
    answers: {
      leaderId: 3n,
      queryAnswers: [
        {
          id: 1n,
          outcome: { case: "response", value: { result: Buffer.from("HELLO"), seq: 1n, nodeId: 3n } },
        },
      ],
    },
  },
  "call-log": { calls: [{ id: 1n, type: { case: "log", value: { fromSeq: 5n, follow: true } } }] },
  "call-taken": { calls: [{ id: 1n, type: { case: "taken", value: 2 } }] },
  "call-cancel": { calls: [{ id: 1n, type: { case: "cancel", value: true } }] },
  "call-status": { calls: [{ id: 2n, type: { case: "status", value: {} } }] },
  "call-take-snapshot": { calls: [{ id: 3n, type: { case: "takeSnapshot", value: {} } }] },
  "reply-take-snapshot": {
    replies: [{ id: 3n, type: { case: "takeSnapshot", value: { seq: 9n, bytes: 300n, firstSeq: 5n } } }],
  },
  "call-members": { calls: [{ id: 4n, type: { case: "members", value: {} } }] },
  "reply-members": { replies: [{ id: 4n, type: { case: "members", value: membersToldOf } }] },
  "call-change-membership": {
    calls: [{ id: 5n, type: { case: "changeMembership", value: { change: promotion } } }],
  },
  "reply-change-membership": {
    replies: [{ id: 5n, type: { case: "changeMembership", value: { epochRecord: { epoch: 7n } } } }],
  },
  "call-transfer-leadership": {
    calls: [{ id: 6n, type: { case: "transferLeadership", value: { nodeId: 4n } } }],
  },
  "reply-transfer-leadership": {
    replies: [{ id: 6n, type: { case: "transferLeadership", value: { leaderId: 4n } } }],
  },
  "call-backup": { calls: [{ id: 1n, type: { case: "backup", value: {} } }] },
  "reply-end": { replies: [{ id: 1n, type: { case: "end", value: true } }] },
  hello: { hello: helloFrom(introduced, 2) },
  refusal: { refusal: { reason: HandshakeRefusalReason.STORE, detail: "try again" } },
  messages: {
    messages: [
      message({ case: "accept", value: create(AcceptSchema, { nodeId: 1n, view: 4n, seq: 9n }) }),
      message({ case: "heartbeat", value: create(HeartbeatSchema, { nodeId: 1n }) }),
    ],
  },
};

test("the examples are all known here", () => {
  expect([...examples.keys()].sort()).toEqual(Object.keys(meant).sort());
});

test.each(Object.keys(meant))("the bytes of example %s are what is sent, and understood", (name) => {
  const bytes = examples.get(name) ?? new Uint8Array();
  const frame = meant[name] ?? {};
  expect(Buffer.from(bytes).toString("hex")).toBe(Buffer.from(encodeFrame(frame)).toString("hex"));
  const decoder = new FrameDecoder(bytes.length);
  decoder.push(bytes);
  expect(decoder.next()?.frame).toEqual(create(FrameSchema, frame));
});

/** All messages that frames consist of, by name. */
function messagesIn(schema: DescMessage, found = new Map<string, DescMessage>()): Map<string, DescMessage> {
  if (found.has(schema.name)) return found;
  found.set(schema.name, schema);
  for (const { message: inner } of schema.fields) if (inner !== undefined) messagesIn(inner, found);
  return found;
}

const scalarNames: ReadonlyMap<ScalarType | undefined, string> = new Map([
  [ScalarType.BYTES, "bytes"],
  [ScalarType.STRING, "text"],
  [ScalarType.FIXED32, "32-bit"],
  [ScalarType.FIXED64, "64-bit"],
]);

function typeOf(field: DescField): string {
  if (field.fieldKind === "list")
    return `repeated ${field.message?.name ?? scalarNames.get(field.scalar) ?? "varint"}`;
  if (field.fieldKind === "message") return field.message.name;
  const type = scalarNames.get(field.scalar) ?? "varint";
  return field.proto.proto3Optional ? `optional ${type}` : type;
}

test.each([...messagesIn(FrameSchema)])("the table of %s has its fields", (name, schema) => {
  const [, section = ""] = protocol.split(new RegExp(`^### ${name}$`, "m"));
  const [ownSection = ""] = section.split(/^##/m);
  const [, table = ""] = ownSection.split(/^\| number.*$\n^\| -.*$\n/m);
  const rows = [...(table.split("\n\n")[0] ?? "").matchAll(/^\|([^|]*)\|([^|]*)\|([^|]*)\|/gm)];
  const told = rows.map((row) => row.slice(1).map((cell) => cell.trim()));
  expect(told).toEqual(schema.fields.map((field) => [`${field.number}`, field.name, typeOf(field)]));
});
