// The bytes that the Go library's own encoder gives, and what it printed of each message: both sides must
// read each other's bytes for ever.
import { readFileSync } from "node:fs";
import { fromBinary, isMessage, toBinary, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { expect, test } from "@jest/globals";
import {
  AcceptSchema,
  ClientUpdateSchema,
  encodeMessage,
  GloballyOrderedUpdateSchema,
  MessageSchema,
  PersistentStateSchema,
  PrepareOKSchema,
  PrepareSchema,
  ProposalSchema,
  ViewChangeProofSchema,
  ViewChangeSchema,
} from "../src/index.js";
import { parseGoText, type TextMessage, type TextValue } from "./go-text.js";

interface Fixture {
  readonly type: string;
  readonly fields: string;
  readonly hex: string;
}

const fixtures = JSON.parse(
  readFileSync(new URL("fixtures/go-messages.json", import.meta.url), "utf8"),
) as readonly Fixture[];

const goSchemas: readonly DescMessage[] = [
  AcceptSchema,
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  MessageSchema,
  PersistentStateSchema,
  PrepareOKSchema,
  PrepareSchema,
  ProposalSchema,
  ViewChangeProofSchema,
  ViewChangeSchema,
];

function schemaOf(fixture: Fixture): DescMessage {
  const schema = goSchemas.find(({ name }) => fixture.type === `paxospb.${name}`);
  if (schema === undefined) throw new Error(`no schema for ${fixture.type}`);
  return schema;
}

/** Makes the message that Go printed, field by field, without the decoder under test. */
function messageFromText(schema: DescMessage, text: TextMessage): ReflectMessage {
  const message = reflect(schema);
  for (const [name, value] of text) setField(message, name, value);
  return message;
}

function setField(message: ReflectMessage, name: string, value: TextValue): void {
  const wanted = message.desc.typeName === ProposalSchema.typeName && name === "update" ? "updates" : name;
  const field = message.fields.find((candidate) => candidate.name === wanted);
  if (field === undefined) throw new Error(`${message.desc.typeName} has no field ${wanted}`);
  const fieldValue = isText(value) ? messageOrBytes(field, value) : value;
  if (field.fieldKind === "list") message.get(field).add(fieldValue);
  else message.set(field, fieldValue);
}

// What Go declares as a ClientUpdate is declared as bytes here wherever it is only passed on.
function messageOrBytes(field: DescField, text: TextMessage): ReflectMessage | Uint8Array {
  if (field.message !== undefined) return messageFromText(field.message, text);
  const update = messageFromText(ClientUpdateSchema, text);
  return toBinary(update.desc, update.message);
}

function isText(value: TextValue): value is TextMessage {
  return Array.isArray(value);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

test.each(fixtures)("reads and writes the bytes of Go's $type: $fields", (fixture) => {
  const schema = schemaOf(fixture);
  const bytes = Buffer.from(fixture.hex, "hex");
  const decoded = fromBinary(schema, bytes);
  expect(decoded).toEqual(messageFromText(schema, parseGoText(fixture.fields)).message);
  expect(decoded.$unknown).toBeUndefined();
  const again = isMessage(decoded, MessageSchema) ? encodeMessage(decoded) : toBinary(schema, decoded);
  expect(hexOf(again)).toBe(fixture.hex);
});

test("every message of the Go library has a fixture", () => {
  expect(new Set(fixtures.map(schemaOf))).toEqual(new Set(goSchemas));
});

test("client ids keep all 64 bits", () => {
  const ids = fixtures
    .filter(({ type }) => type === "paxospb.ClientUpdate")
    .map(({ hex }) => fromBinary(ClientUpdateSchema, Buffer.from(hex, "hex")).clientId);
  expect(ids).toEqual([7n, 2n ** 64n - 1n]);
});
