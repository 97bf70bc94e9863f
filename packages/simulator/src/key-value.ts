import {
  decodeKeyValueAnswer,
  decodeKeyValueUpdate,
  encodeKeyValueAnswer,
  encodeKeyValueUpdate,
  type KeyValueUpdate,
  type Value,
  valueAfter,
} from "./key-value-update.js";
import { type Call, checkLinearizability, type Model } from "./linearizability.js";
import { joined } from "./pieces.js";
import { type Random, scramble } from "./random.js";
import type { Operation, SimulatedStateMachine, Workload } from "./workload.js";

/** A key-value store. Every update is answered by what its key held before. */
export class KeyValueMachine implements SimulatedStateMachine {
  readonly #values = new Map<number, number>();
  #digest = 0;

  apply(bytes: Uint8Array): Uint8Array {
    const update = decodeKeyValueUpdate(bytes);
    if (!update) return encodeKeyValueAnswer({ kind: "malformed" });
    const { key } = update;
    const before = this.#values.get(key) ?? null;
    const after = valueAfter(update, before);
    if (after !== before) {
      this.#digest = (this.#digest ^ entryDigest(key, before) ^ entryDigest(key, after)) >>> 0;
      if (after === null) this.#values.delete(key);
      else this.#values.set(key, after);
    }
    return encodeKeyValueAnswer({ kind: "before", value: before });
  }

  /** What a key holds. The query is a `get`; the answer that of the update. */
  query(bytes: Uint8Array): Uint8Array {
    const query = decodeKeyValueUpdate(bytes);
    if (query?.kind !== "get") return encodeKeyValueAnswer({ kind: "malformed" });
    return encodeKeyValueAnswer({ kind: "before", value: this.#values.get(query.key) ?? null });
  }

  /** All keys and values, 12 bytes each entry. Begun and ended at once: it costs little. */
  snapshot(): Iterable<Uint8Array> {
    const bytes = new Uint8Array(entryBytes * this.#values.size);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [key, value] of this.#values) {
      view.setUint32(at, key, true);
      view.setFloat64(at + 4, value, true);
      at += entryBytes;
    }
    return [bytes];
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes = await joined(pieces);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    this.#values.clear();
    this.#digest = 0;
    for (let at = 0; at < bytes.length; at += entryBytes) {
      const [key, value] = [view.getUint32(at, true), view.getFloat64(at + 4, true)];
      this.#values.set(key, value);
      this.#digest = (this.#digest ^ entryDigest(key, value)) >>> 0;
    }
  }

  /** That of all keys and values, in whatever order they came. */
  digest(): number {
    return this.#digest;
  }
}

/** A key and a value, of 32 bits as a rule. */
const entryBytes = 12;

function entryDigest(key: number, value: Value): number {
  return value === null ? 0 : scramble(scramble(key ^ 0x5bd1e995) + value);
}

type KeyValueCall = Call<KeyValueUpdate, Value>;

/** The key-value store as a sequential specification, a part for each key. */
export const keyValueModel: Model<Value, KeyValueUpdate, Value> = {
  part: ({ key }) => String(key),
  initial: () => null,
  step: (state, update, before) =>
    before === undefined || before === state ? valueAfter(update, state) : undefined,
  key: String,
  readOnly: (update, before) =>
    update.kind === "get" || (before !== undefined && valueAfter(update, before) === before),
  inputKey: (update) => encodeKeyValueUpdate(update).join(),
  relevant: writersOfWhatWasFound,
};

/**
 * A write whose value nobody found, and for which no compare-and-swap waited that may have found it unseen, might as well
 * not have been: whatever came next overwrote it.
 */
function writersOfWhatWasFound(
  unanswered: readonly KeyValueCall[],
  answered: readonly KeyValueCall[],
): readonly KeyValueCall[] {
  const found = new Set<Value>();
  for (const { input, output } of answered) {
    if (output !== undefined) found.add(output);
    else if (input.kind === "compare-and-swap") found.add(input.expected);
  }
  const writes = ({ input }: KeyValueCall) =>
    input.kind !== "get" && found.has(input.kind === "delete" ? null : input.value);
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const call of unanswered) {
      if (call.input.kind === "compare-and-swap" && writes(call)) found.add(call.input.expected);
    }
  }
  return unanswered.filter((call) => writes(call));
}

export interface KeyValueWorkloadOptions {
  /** How many keys; the lower their number, the more they are used. Default 8. */
  readonly keys?: number;
  /** How many steps the check may take for a key before that key's history counts as undecided. Default 200,000. */
  readonly maxSteps?: number;
}

/**
 * Clients that read and write a `KeyValueMachine`; their history must be linearizable. The `random` of each client must
 * be one object throughout a run: what a client has written is remembered by it.
 */
export function keyValueWorkload({ keys = 8, maxSteps = 200_000 }: KeyValueWorkloadOptions = {}): Workload {
  const writers = new WeakMap<Random, Writer>();
  return {
    maxUpdateBytes: 13,
    next(random, client) {
      let writer = writers.get(random);
      if (!writer) writers.set(random, (writer = new Writer(random, client, keys)));
      return encodeKeyValueUpdate(writer.next());
    },
    nextQuery: (random) => encodeKeyValueUpdate({ kind: "get", key: drawKey(random, keys) }),
    check: (history) => checkHistory(history, maxSteps),
  };
}

class Writer {
  /** What it put last, by key. */
  readonly #last = new Map<number, number>();
  #count = 0;

  constructor(
    private readonly random: Random,
    private readonly client: number,
    private readonly keys: number,
  ) {}

  next(): KeyValueUpdate {
    const { random } = this;
    const key = drawKey(random, this.keys);
    const kind = random.next() % 100;
    if (kind < 35) return { kind: "get", key };
    if (kind < 45) return { kind: "delete", key };
    // All values differ, for reads to tell writes apart: client 3's 17th is 3,000,017.
    const value = (this.client * 1_000_000 + ++this.#count) >>> 0;
    const expected = random.chance(700) ? (this.#last.get(key) ?? null) : null;
    this.#last.set(key, value);
    return kind < 75 ? { kind: "put", key, value } : { kind: "compare-and-swap", key, expected, value };
  }
}

/** Low numbers more often than high ones. */
function drawKey(random: Random, keys: number): number {
  return random.between(0, random.between(0, keys - 1));
}

const maxListed = 20;

function checkHistory(
  history: readonly Operation[],
  maxSteps: number,
): string | undefined | { readonly undecided: number } {
  const calls: KeyValueCall[] = [];
  for (const { client, update, result, start, end } of history) {
    const input = decodeKeyValueUpdate(update);
    const answer = result && decodeKeyValueAnswer(result);
    const isMalformed = answer?.kind === "malformed";
    if (result && (!answer || isMalformed === (input !== undefined))) {
      return `client ${client}'s update ${hex(update)} was answered with ${hex(result)}`;
    }
    if (input) {
      calls.push({
        process: client,
        input,
        output: answer?.kind === "before" ? answer.value : undefined,
        start,
        end,
      });
    }
  }
  const verdict = checkLinearizability(keyValueModel, calls, { maxSteps });
  switch (verdict.kind) {
    case "linearizable":
      return undefined;
    case "unknown":
      return { undecided: verdict.parts };
    case "not-linearizable":
      return [
        `key ${verdict.part} is not linearizable: the last of these answers to come cannot be right when the others are`,
        ...(verdict.calls.length > maxListed ? [`(the last ${maxListed} of ${verdict.calls.length})`] : []),
        ...verdict.calls.slice(-maxListed).map((call) => describeCall(call)),
      ].join("\n    ");
  }
}

function describeCall({ process, input, output, start, end }: KeyValueCall): string {
  const answer = output === undefined ? "no answer" : describeValue(output);
  return `client ${process}, ${start} to ${end} us: ${describeUpdate(input)} found ${answer}`;
}

function describeUpdate(update: KeyValueUpdate): string {
  switch (update.kind) {
    case "get":
    case "delete":
      return update.kind;
    case "put":
      return `put ${update.value}`;
    case "compare-and-swap":
      return `compare-and-swap ${describeValue(update.expected)} with ${update.value}`;
  }
}

function describeValue(value: Value): string {
  return value === null ? "nothing" : String(value);
}

function hex(bytes: Uint8Array): string {
  return `0x${Array.from(bytes.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
