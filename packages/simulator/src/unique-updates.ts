import { joined } from "./pieces.js";
import { type Random, scramble } from "./random.js";
import type { Operation, SimulatedStateMachine, Workload } from "./workload.js";

/** A log: answers each update with how many there have been, itself included, in 4 bytes, the lowest first. */
export class LogMachine implements SimulatedStateMachine {
  #count = 0;
  #digest = 0;

  apply(update: Uint8Array): Uint8Array {
    this.#count++;
    // With the length: otherwise a leading zero would leave no mark.
    let hash = scramble(this.#digest ^ update.length);
    for (const byte of update) hash = Math.imul(hash ^ byte, 0x01000193);
    // With the count: otherwise an empty update would leave none.
    this.#digest = scramble(hash ^ this.#count);
    return encodePosition(this.#count);
  }

  /** How many there have been, and the digest of them all. */
  snapshot(): Iterable<Uint8Array> {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#count);
    view.setUint32(4, this.#digest);
    return [bytes];
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes = await joined(pieces);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    this.#count = view.getUint32(0);
    this.#digest = view.getUint32(4);
  }

  /** That of all updates, in their order. */
  digest(): number {
    return this.#digest;
  }
}

/**
 * Updates that all differ, for a `LogMachine`: its answers must grow as time goes by. The `random` of each client must be
 * one object throughout a run: how many updates a client has sent is remembered by it.
 */
export function uniqueUpdatesWorkload(): Workload {
  const sent = new WeakMap<Random, number>();
  return {
    maxUpdateBytes: 8 + 900,
    next(random, client) {
      const count = (sent.get(random) ?? 0) + 1;
      sent.set(random, count);
      // Mostly small; a few are large enough to fill what is bounded in bytes.
      const padding = random.chance(30) ? random.between(200, 900) : random.between(0, 24);
      const update = new Uint8Array(8 + padding).fill(random.next() & 0xff, 8);
      const view = new DataView(update.buffer);
      view.setUint32(0, client, true);
      view.setUint32(4, count, true);
      return update;
    },
    check: checkHistory,
  };
}

/** An operation that was answered, and its place in the log. */
interface Answered {
  readonly operation: Operation;
  readonly position: number;
}

function checkHistory(history: readonly Operation[]): string | undefined {
  const answered: Answered[] = [];
  for (const operation of history) {
    if (!operation.result) continue;
    const position = decodePosition(operation.result);
    if (position === undefined) {
      return `client ${operation.client} was answered with ${operation.result.length} bytes, not with a place in the log`;
    }
    answered.push({ operation, position });
  }
  return samePlaceTwice(answered) ?? orderOfClients(answered) ?? realTimeOrder(answered);
}

function samePlaceTwice(answered: readonly Answered[]): string | undefined {
  const taken = new Map<number, Answered>();
  for (const one of answered) {
    const other = taken.get(one.position);
    if (other) return `two updates have the same place in the log: ${describe(other)}; ${describe(one)}`;
    taken.set(one.position, one);
  }
  return undefined;
}

/** What a client sends at the moment of an answer comes after it: real time alone does not say so. */
function orderOfClients(answered: readonly Answered[]): string | undefined {
  const last = new Map<number, Answered>();
  for (const one of byStart(answered)) {
    const { client, start } = one.operation;
    const before = last.get(client);
    if (before && before.operation.end <= start && before.position > one.position) {
      return `a client's later update has an earlier place in the log: ${describe(before)}; ${describe(one)}`;
    }
    last.set(client, one);
  }
  return undefined;
}

/** Goes through the starts, and keeps the highest place of those that had ended. */
function realTimeOrder(answered: readonly Answered[]): string | undefined {
  const ends = answered.toSorted((a, b) => a.operation.end - b.operation.end);
  let ended = 0;
  let highest: Answered | undefined;
  for (const one of byStart(answered)) {
    for (let next = ends[ended]; next && next.operation.end < one.operation.start; next = ends[++ended]) {
      if (!highest || next.position > highest.position) highest = next;
    }
    if (highest && highest.position > one.position) {
      return `an update has an earlier place in the log than one answered before it was sent: ${describe(highest)}; ${describe(one)}`;
    }
  }
  return undefined;
}

function byStart(answered: readonly Answered[]): Answered[] {
  return answered.toSorted((a, b) => a.operation.start - b.operation.start);
}

function describe({ operation: { client, start, end }, position }: Answered): string {
  return `place ${position} (client ${client}, ${start} to ${end} us)`;
}

function encodePosition(position: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, position, true);
  return bytes;
}

function decodePosition(bytes: Uint8Array): number | undefined {
  if (bytes.length !== 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}
