import { equalBytes } from "../digest.js";
import { scramble } from "../random.js";
import type { Application, Checker, Report } from "./checker.js";

interface Place {
  readonly callId: number;
  /** A digest of everything applied up to here. */
  readonly chain: number;
  readonly digest: Application["digest"];
  readonly result: Uint8Array;
  readonly nodeId: number;
}

interface Progress {
  readonly seq: number;
  readonly chain: number;
  readonly reached: number;
}

const atStart: Progress = { seq: 0, chain: 0, reached: 0 };

/**
 * One order on all nodes, without gaps; each update executed once (safety rule 6); equal answers and equal
 * state digests at equal seqs.
 */
export class OneOrder implements Checker {
  /** The one order, as first seen anywhere. What is no update, or was executed before, is not in it. */
  readonly #places = new Map<number, Place>();
  readonly #seqOf = new Map<number, number>();
  /** The seqs in it, in ascending order. */
  readonly #seqs: number[] = [];
  /** Of each node since its start: the last seq executed, the digest of what was, and the seq that has been reached. */
  readonly #applied = new Map<number, Progress>();

  constructor(
    private readonly report: Report,
    /** Called when a call has been executed for the first time. */
    private readonly onExecuted: () => void = () => undefined,
  ) {}

  started(nodeId: number): void {
    this.#applied.set(nodeId, atStart);
  }

  /** It goes on from there as if it had applied everything itself. */
  restored(nodeId: number, seq: number, digest: Application["digest"]): void {
    const { reached } = this.#applied.get(nodeId) ?? atStart;
    if (seq < reached) this.report(`node ${nodeId} goes back to a snapshot at seq ${seq} after ${reached}`);
    const last = this.#lastUpTo(seq);
    const place = last === undefined ? undefined : this.#places.get(last);
    this.#applied.set(nodeId, { seq: last ?? 0, chain: place?.chain ?? 0, reached: seq });
    if (place === undefined || Object.is(place.digest, digest)) return;
    this.report(
      `node ${nodeId} is restored to another state at seq ${seq} than node ${place.nodeId} had there: snapshot or restore of ` +
        `the state machine miss something, or a snapshot has changed after it was taken`,
    );
  }

  /** The last seq up to this one at which something was executed. */
  #lastUpTo(seq: number): number | undefined {
    let low = 0;
    for (let high = this.#seqs.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((this.#seqs[middle] as number) <= seq) low = middle + 1;
      else high = middle;
    }
    return this.#seqs[low - 1];
  }

  applied({ nodeId, seq, call, result, digest }: Application): void {
    const before = this.#applied.get(nodeId) ?? atStart;
    if (seq <= before.reached)
      return this.report(`node ${nodeId} applies seq ${seq} after ${before.reached}`);
    const chain = scramble(before.chain ^ Math.imul(seq, 0x9e3779b1) ^ scramble(call.id));
    this.#applied.set(nodeId, { seq, chain, reached: seq });
    const known = this.#places.get(seq);
    if (known === undefined) {
      const first = this.#seqOf.get(call.id);
      if (first !== undefined) {
        return this.report(
          `node ${nodeId} executes call ${call.id} at seq ${seq}, where ${first} had it executed`,
        );
      }
      this.#seqOf.set(call.id, seq);
      this.#seqs.push(seq);
      this.onExecuted();
      // A copy, as the replica makes one: the state machine may use the same memory again.
      this.#places.set(seq, { callId: call.id, chain, digest, result: result.slice(), nodeId });
      return;
    }
    if (known.callId !== call.id) {
      return this.report(
        `node ${nodeId} applies call ${call.id} at seq ${seq}, node ${known.nodeId} applied call ${known.callId} there`,
      );
    }
    if (known.chain !== chain) {
      return this.report(`nodes ${nodeId} and ${known.nodeId} applied other updates before seq ${seq}`);
    }
    if (!equalBytes(known.result, result)) {
      return this.report(
        `the state machine answers call ${call.id} at seq ${seq} with ${hex(result)} on node ${nodeId}, with ${hex(known.result)} on node ${known.nodeId}`,
      );
    }
    if (!Object.is(known.digest, digest)) {
      this.report(`after seq ${seq} the state of node ${nodeId} differs from that of node ${known.nodeId}`);
    }
  }

  /** Where a call was executed; undefined when it was not. */
  seqOf(callId: number): number | undefined {
    return this.#seqOf.get(callId);
  }

  /** Whether this is what the state machine answered at this seq. */
  isResultAt(seq: number, result: Uint8Array): boolean {
    const place = this.#places.get(seq);
    return place !== undefined && equalBytes(place.result, result);
  }

  /** How far a node has come, and a digest of its way. */
  progressOf(nodeId: number): { readonly seq: number; readonly chain: number } {
    return this.#applied.get(nodeId) ?? atStart;
  }

  /** What was executed, in order. */
  *executed(): Iterable<{ readonly seq: number; readonly callId: number }> {
    for (const seq of this.#seqs) {
      yield { seq, callId: (this.#places.get(seq) as Place).callId };
    }
  }
}

function hex(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return bytes.length > 16 ? `0x${shown}...` : `0x${shown}`;
}
