// What a client was told, and when: how long was it told nothing, and is all of it in the log?
import { connect } from "@paxos/client";
import { randomBytes } from "./pipelined-load.js";
import { newClientTransport, type TransportName } from "./transports.js";
import { until } from "./until.js";

/** The number with which each update begins. */
const numberBytes = 8;

/** The least that an update has to hold. */
export const leastUpdateBytes = numberBytes;

/** What the client saw in a window. Milliseconds. */
export interface Seen {
  /** The longest gap between two consecutive acknowledgements. */
  readonly pause: number;
  /** When that began, from the start of the window on; below 0: before it. */
  readonly pauseBegan: number;
  /** The longest that an update took which was under way: others may be acknowledged meanwhile. */
  readonly slowest: number;
}

/** What became of the updates that were acknowledged, as a log shows it. */
export interface Held {
  readonly acknowledged: number;
  /** Those that are in the log once, with the seq that the client was told. */
  readonly once: number;
}

/** Numbers updates, and notes which are acknowledged. */
export class Acknowledged {
  /** The seqs that the client was told, by the numbers of the updates. */
  readonly #seqs = new Map<number, number>();
  /** When an update was submitted and when it was acknowledged, in the order of the latter. */
  readonly #answers: { readonly since: number; readonly at: number }[] = [];
  /** When those were submitted that are under way, in that order. */
  readonly #underWay = new Map<number, number>();
  #last = 0;

  readonly nextUpdate = (bytes: number): Uint8Array => {
    const update = randomBytes(bytes).slice();
    const number = ++this.#last;
    new DataView(update.buffer).setBigUint64(0, BigInt(number));
    this.#underWay.set(number, performance.now());
    return update;
  };

  readonly onOrdered = (update: Uint8Array, seq: number): void => {
    const number = numberOf(update);
    this.#answers.push({ since: this.#underWay.get(number) ?? Number.NaN, at: performance.now() });
    this.#underWay.delete(number);
    this.#seqs.set(number, seq);
  };

  /** The last seq that the client was told. */
  get lastSeq(): number {
    let last = 0;
    for (const seq of this.#seqs.values()) last = Math.max(last, seq);
    return last;
  }

  /**
   * What the client saw from one reading of performance.now to another, which may be to come. Waits until an update is acknowledged
   * behind that, and all that were under way before.
   */
  async seen(from: number, to: number): Promise<Seen> {
    const answers = this.#answers;
    const withinMs = Math.max(0, to - performance.now()) + 120_000;
    await until("all updates are acknowledged", { withinMs, everyMs: 5 }, () => {
      const [oldest = Infinity] = this.#underWay.values();
      return (answers.at(-1)?.at ?? 0) > to && oldest > to;
    });
    let [pause, pauseBegan, slowest] = [0, 0, 0];
    for (const [i, { since, at }] of answers.entries()) {
      if (at < from) continue;
      const before = answers[i - 1]?.at ?? at;
      if (before < to && at - before > pause) [pause, pauseBegan] = [at - before, before - from];
      if (since < to) slowest = Math.max(slowest, at - since);
    }
    return { pause, pauseBegan, slowest };
  }

  /** Looks for all of them in the log of one server. Rejects when that does not reach back to the first. */
  async heldBy(address: string, transport: TransportName, updateBytes: number): Promise<Held> {
    const client = connect({
      servers: [address],
      transport: newClientTransport(transport),
      discover: false,
    });
    const held = new Map<number, number[]>();
    try {
      for await (const { entries, firstSeq } of client.log()) {
        if (firstSeq > 1n) throw new Error(`the log of ${address} begins at seq ${firstSeq} only`);
        for (const { seq, update, duplicate } of entries) {
          // Others are the client's own, such as its registration.
          if (duplicate || update?.update.length !== updateBytes) continue;
          const number = numberOf(update.update);
          held.set(number, [...(held.get(number) ?? []), Number(seq)]);
        }
      }
    } finally {
      await client.close();
    }
    let once = 0;
    for (const [number, seq] of this.#seqs) {
      const seqs = held.get(number) ?? [];
      if (seqs.length === 1 && seqs[0] === seq) once++;
    }
    return { acknowledged: this.#seqs.size, once };
  }
}

function numberOf(update: Uint8Array): number {
  return Number(new DataView(update.buffer, update.byteOffset).getBigUint64(0));
}
