/** What a key holds: an integer from 0 to 2^32 - 1, or null for nothing. */
export type Value = number | null;

/** An update of the key-value store. Keys and values are integers from 0 to 2^32 - 1. */
export type KeyValueUpdate =
  | { readonly kind: "get"; readonly key: number }
  | { readonly kind: "put"; readonly key: number; readonly value: number }
  | { readonly kind: "delete"; readonly key: number }
  /** Puts `value` when the key holds `expected`. */
  | {
      readonly kind: "compare-and-swap";
      readonly key: number;
      readonly expected: Value;
      readonly value: number;
    };

/** The answer to every update: what its key held before it. Or that the update's bytes made no sense. */
export type KeyValueAnswer =
  | { readonly kind: "before"; readonly value: Value }
  | { readonly kind: "malformed" };

/** What the update's key holds after it. */
export function valueAfter(update: KeyValueUpdate, before: Value): Value {
  switch (update.kind) {
    case "get":
      return before;
    case "put":
      return update.value;
    case "delete":
      return null;
    case "compare-and-swap":
      return before === update.expected ? update.value : before;
  }
}

/** The first byte of an update. Integers follow: key, value, expected value; each in 4 bytes, the lowest first. */
const code = { get: 1, put: 2, delete: 3, swap: 4, putIfAbsent: 5 } as const;

export function encodeKeyValueUpdate(update: KeyValueUpdate): Uint8Array {
  switch (update.kind) {
    case "get":
      return encode(code.get, update.key);
    case "put":
      return encode(code.put, update.key, update.value);
    case "delete":
      return encode(code.delete, update.key);
    case "compare-and-swap":
      return update.expected === null
        ? encode(code.putIfAbsent, update.key, update.value)
        : encode(code.swap, update.key, update.value, update.expected);
  }
}

/** Undefined for bytes that are no update. */
export function decodeKeyValueUpdate(bytes: Uint8Array): KeyValueUpdate | undefined {
  const [key = 0, value = 0, expected = 0] = integers(bytes);
  switch (bytes[0]) {
    case code.get:
      return bytes.length === 5 ? { kind: "get", key } : undefined;
    case code.put:
      return bytes.length === 9 ? { kind: "put", key, value } : undefined;
    case code.delete:
      return bytes.length === 5 ? { kind: "delete", key } : undefined;
    case code.swap:
      return bytes.length === 13 ? { kind: "compare-and-swap", key, expected, value } : undefined;
    case code.putIfAbsent:
      return bytes.length === 9 ? { kind: "compare-and-swap", key, expected: null, value } : undefined;
    default:
      return undefined;
  }
}

const answerCode = { absent: 0, value: 1, malformed: 2 } as const;

export function encodeKeyValueAnswer(answer: KeyValueAnswer): Uint8Array {
  if (answer.kind === "malformed") return encode(answerCode.malformed);
  return answer.value === null ? encode(answerCode.absent) : encode(answerCode.value, answer.value);
}

/** Undefined for bytes that are no answer. */
export function decodeKeyValueAnswer(bytes: Uint8Array): KeyValueAnswer | undefined {
  const [value = 0] = integers(bytes);
  switch (bytes[0]) {
    case answerCode.absent:
      return bytes.length === 1 ? { kind: "before", value: null } : undefined;
    case answerCode.value:
      return bytes.length === 5 ? { kind: "before", value } : undefined;
    case answerCode.malformed:
      return bytes.length === 1 ? { kind: "malformed" } : undefined;
    default:
      return undefined;
  }
}

function encode(first: number, ...rest: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(1 + 4 * rest.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = first;
  for (const [i, integer] of rest.entries()) view.setUint32(1 + 4 * i, integer, true);
  return bytes;
}

/** The integers after the first byte, as far as they are complete. */
function integers(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: number[] = [];
  for (let at = 1; at + 4 <= bytes.length && at < 13; at += 4) found.push(view.getUint32(at, true));
  return found;
}
