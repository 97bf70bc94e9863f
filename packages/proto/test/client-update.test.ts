import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "@jest/globals";
import {
  ClientUpdateSchema,
  decodeClientUpdate,
  encodeClientUpdate,
  isPlainClientUpdate,
  UpdateKind,
  type ClientUpdateFields,
} from "../src/index.js";

const max = 2n ** 64n - 1n;
const numbers = [0n, 1n, 127n, 128n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, max];
const contents = [new Uint8Array(), Uint8Array.of(0), new Uint8Array(300).fill(255)];

const plain = { kind: UpdateKind.UNSPECIFIED, session: 0n, answeredUpTo: 0n };

const samples: ClientUpdateFields[] = contents.flatMap((update) =>
  numbers.flatMap((number) => [
    { clientId: number, nodeId: 1n, timestamp: 2n, update, ...plain },
    { clientId: 1n, nodeId: number, timestamp: max, update, ...plain },
    { clientId: 1n, nodeId: 0n, timestamp: number, update, ...plain, kind: UpdateKind.REGISTER },
    { clientId: 1n, nodeId: 0n, timestamp: 2n, update, ...plain, session: number },
    {
      clientId: 1n,
      nodeId: 0n,
      timestamp: 2n,
      update,
      kind: 300 as UpdateKind,
      session: max,
      answeredUpTo: number,
    },
  ]),
);

function fieldsOf(message: ClientUpdateFields): ClientUpdateFields {
  const { clientId, nodeId, timestamp, update, kind, session, answeredUpTo } = message;
  return { clientId, nodeId, timestamp, update, kind, session, answeredUpTo };
}

test("an update is written and read as protobuf-es does it", () => {
  for (const sample of samples) {
    const bytes = encodeClientUpdate(sample);
    expect(bytes).toEqual(toBinary(ClientUpdateSchema, create(ClientUpdateSchema, sample)));
    expect(fieldsOf(decodeClientUpdate(bytes))).toEqual(sample);
  }
});

test("any 64-bit number is written and read as protobuf-es does it", () => {
  for (let bits = 0n; bits < 64n; bits++) {
    for (const number of [(1n << bits) - 1n, 1n << bits, (1n << bits) + 1n, max >> bits]) {
      const sample = {
        clientId: number,
        nodeId: 0n,
        timestamp: max - number,
        update: new Uint8Array(),
        ...plain,
      };
      const bytes = encodeClientUpdate(sample);
      expect(bytes).toEqual(toBinary(ClientUpdateSchema, create(ClientUpdateSchema, sample)));
      expect(fieldsOf(decodeClientUpdate(bytes))).toEqual(sample);
    }
  }
});

test("a kind below 0 is written and read as protobuf-es does it", () => {
  const sample = create(ClientUpdateSchema, { clientId: 1n, kind: -1 as UpdateKind });
  expect(encodeClientUpdate(sample)).toEqual(toBinary(ClientUpdateSchema, sample));
  expect(fieldsOf(decodeClientUpdate(encodeClientUpdate(sample)))).toEqual(fieldsOf(sample));
});

test("bytes at random are read, or refused, as protobuf-es does it", () => {
  // A linear congruential generator: the same bytes in each run.
  let state = 1;
  const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  const likely = [0x08, 0x10, 0x18, 0x22, 0x28, 0x30, 0x38, 0x80, 0xff, 0x01, 0x03];
  let [read, refused] = [0, 0];
  for (let i = 0; i < 4_000; i++) {
    const bytes = Uint8Array.from({ length: random(24) }, () =>
      random(3) === 0 ? random(256) : (likely[random(likely.length)] as number),
    );
    const expected = attempt(() => fieldsOf(fromBinary(ClientUpdateSchema, bytes)));
    expect(attempt(() => fieldsOf(decodeClientUpdate(bytes)))).toEqual(expected);
    if (expected === "refused") refused++;
    else read++;
  }
  expect(read).toBeGreaterThan(200);
  expect(refused).toBeGreaterThan(200);
});

test("a plain update is one of a client that decodes", () => {
  const { clientId, timestamp } = { clientId: 7n, timestamp: 1n };
  const plainOne = encodeClientUpdate({
    clientId,
    nodeId: 1n,
    timestamp,
    update: new Uint8Array(100),
    ...plain,
  });
  expect(isPlainClientUpdate(plainOne)).toBe(true);
  expect(isPlainClientUpdate(new Uint8Array())).toBe(false);
  expect(
    isPlainClientUpdate(
      encodeClientUpdate({ clientId: 0n, nodeId: 1n, timestamp, update: new Uint8Array() }),
    ),
  ).toBe(false);
  let state = 1;
  const random = (below: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  const small = encodeClientUpdate({ clientId, nodeId: 1n, timestamp, update: new Uint8Array(3), ...plain });
  let found = 0;
  for (let i = 0; i < 10_000; i++) {
    const bytes = random(2) === 0 ? small.slice() : small.slice(0, random(small.length));
    for (let changes = 1 + random(3); changes > 0 && bytes.length > 0; changes--)
      bytes[random(bytes.length)] = random(256);
    if (!isPlainClientUpdate(bytes)) continue;
    found++;
    expect(fromBinary(ClientUpdateSchema, bytes).clientId).not.toBe(0n);
  }
  expect(found).toBeGreaterThan(100);
});

test("small updates share memory and do not touch each other; large ones have their own", () => {
  const samples = Array.from({ length: 60 }, (_, i) => {
    const fields = {
      clientId: 7n,
      nodeId: 1n,
      timestamp: BigInt(i),
      update: new Uint8Array(i * 60).fill(i),
      ...plain,
    };
    return { fields, bytes: encodeClientUpdate(fields) };
  });
  for (const { fields, bytes } of samples) expect(fieldsOf(decodeClientUpdate(bytes))).toEqual(fields);
  expect(new Set(samples.map(({ bytes }) => bytes.buffer)).size).toBeLessThan(40);
  expect(samples.at(-1)?.bytes.buffer.byteLength).toBe(samples.at(-1)?.bytes.length);
});

test("a message itself can be encoded", () => {
  const message = create(ClientUpdateSchema, { clientId: 7n, update: Uint8Array.of(1) });
  expect(encodeClientUpdate(message)).toEqual(toBinary(ClientUpdateSchema, message));
});

test("the decoded update is a view of the bytes given", () => {
  const bytes = encodeClientUpdate({
    clientId: 7n,
    nodeId: 1n,
    timestamp: 1n,
    update: Uint8Array.of(1, 2, 3),
  });
  expect(decodeClientUpdate(bytes).update.buffer).toBe(bytes.buffer);
});

test("fields of a later version are skipped, and of a field that comes twice the last counts", () => {
  const bytes = new BinaryWriter()
    .tag(1, WireType.Varint)
    .uint64(1n)
    .tag(99, WireType.LengthDelimited)
    .bytes(Uint8Array.of(1, 2, 3))
    .tag(98, WireType.Bit64)
    .fixed64(5n)
    .tag(1, WireType.Varint)
    .uint64(7n)
    .finish();
  expect(fieldsOf(decodeClientUpdate(bytes))).toEqual(fieldsOf(fromBinary(ClientUpdateSchema, bytes)));
  expect(decodeClientUpdate(bytes).clientId).toBe(7n);
});

test("cut off bytes are read, or refused, as protobuf-es does it", () => {
  const whole = encodeClientUpdate({
    clientId: max,
    nodeId: 1n,
    timestamp: max,
    update: new Uint8Array(200),
  });
  let refused = 0;
  for (let length = 0; length < whole.length; length++) {
    const bytes = whole.subarray(0, length);
    const expected = attempt(() => fieldsOf(fromBinary(ClientUpdateSchema, bytes)));
    expect(attempt(() => fieldsOf(decodeClientUpdate(bytes)))).toEqual(expected);
    if (expected === "refused") refused++;
  }
  expect(refused).toBeGreaterThan(200);
});

function attempt(decode: () => ClientUpdateFields): ClientUpdateFields | "refused" {
  try {
    return decode();
  } catch {
    return "refused";
  }
}
