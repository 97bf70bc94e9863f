import type { StateMachine } from "@paxos/core";
import { digestOf } from "../digest.js";
import { decodeCall } from "../clients/call.js";
import type { SimulatedStateMachine } from "../workload.js";
import type { Seat } from "./seat.js";
import type { Life } from "./life.js";
import { awaitWithGlobalsOf, withGlobalsOf, type NodeGlobals } from "./node-globals.js";

/** The start of virtual time on the calendar: 2026-01-01. */
const calendarStartMs = 1_767_225_600_000;

type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** One process's copy of the state machine under test, with everything it does told to the checkers. */
export class ObservedStateMachine implements StateMachine {
  /** Absent when the one under test has none. */
  readonly snapshot?: () => AsyncIterable<Uint8Array>;
  readonly restore?: (pieces: AsyncIterable<Uint8Array>) => Promise<void>;
  readonly query?: (bytes: Uint8Array) => Uint8Array;
  readonly #machine: SimulatedStateMachine;
  readonly #globals: NodeGlobals;
  #restoring = false;

  constructor(
    private readonly seat: Seat,
    private readonly life: Life,
    /** Which process of the host it is. */
    number: number,
  ) {
    const { world, makeStateMachine } = seat.surroundings;
    this.#globals = {
      now: () => calendarStartMs + seat.clockOffsetMs + Math.floor(world.now / 1000),
      random: seat.random.fork(`globals ${number}`),
    };
    const machine = (this.#machine = withGlobalsOf(this.#globals, () => makeStateMachine(seat.id)));
    if (machine.query !== undefined) this.query = (bytes) => this.#query(bytes);
    if (machine.snapshot !== undefined) this.snapshot = () => this.#snapshot();
    if (machine.restore !== undefined) this.restore = (pieces) => this.#restore(pieces);
  }

  apply(bytes: Uint8Array, seq: number, commandVersion: number): Uint8Array {
    const { id, surroundings } = this.seat;
    const { world, checkers, calls } = surroundings;
    if (!this.life.acts()) return new Uint8Array();
    if (this.#restoring)
      world.violate("one-order", `node ${id} applies seq ${seq} while a snapshot is being restored`);
    const decoded = decodeCall(bytes);
    const call = decoded && calls.find(decoded.id, decoded.update);
    if (decoded === undefined || call === undefined) {
      world.violate("only-proposed", `node ${id} applies at seq ${seq} what no client has sent`);
      return new Uint8Array();
    }
    // A copy: what the state machine does to it must not reach other nodes.
    const given = decoded.update.slice();
    const { result, digest } = withGlobalsOf(this.#globals, () => ({
      result: this.#machine.apply(given, seq, commandVersion),
      digest: this.#machine.digest?.(),
    }));
    if (!(result instanceof Uint8Array)) {
      this.#violate(`apply gives ${describe(result)}; it must give a Uint8Array, at once`);
      return new Uint8Array();
    }
    if (digest !== undefined && !["string", "number", "bigint"].includes(typeof digest))
      this.#violate(`digest gives ${describe(digest)}; it must give a string, number or bigint`);
    // In production these are bytes of the log, which is sent to other nodes and read by clients.
    if (calls.find(call.id, given) === undefined) {
      world.violate(
        "changed-update",
        `the state machine of node ${id} changes the update that it is given at seq ${seq}`,
      );
    }
    world.trace.note("A", id, seq, call.id);
    world.trace.note("a", digestOf(result), digestOf(decoded.update));
    if (world.trace.verbose) world.trace.line(`node ${id} applies call ${call.id} at seq ${seq}`);
    for (const checker of checkers) checker.applied?.({ nodeId: id, seq, call, result, digest });
    return result;
  }

  #query(bytes: Uint8Array): Uint8Array {
    const { id, surroundings } = this.seat;
    const { world } = surroundings;
    if (!this.life.acts()) return new Uint8Array();
    if (this.#restoring) world.violate("reads", `node ${id} is asked while a snapshot is being restored`);
    const { result, before, after } = withGlobalsOf(this.#globals, () => ({
      before: this.#machine.digest?.(),
      result: this.#machine.query?.(bytes.slice()),
      after: this.#machine.digest?.(),
    }));
    if (before !== after) this.#violate("query changes the state");
    if (result instanceof Uint8Array) return result;
    this.#violate(`query gives ${describe(result)}; it must give a Uint8Array, at once`);
    return new Uint8Array();
  }

  /** In production a snapshot that fails is logged, and the log grows. Here it is found. */
  #snapshot(): AsyncIterable<Uint8Array> {
    if (!this.life.acts()) return { [Symbol.asyncIterator]: () => ({ next: never }) };
    const iterator = this.#attempt("snapshot", () => {
      const pieces = this.#machine.snapshot?.() as Pieces;
      return Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
    });
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      try {
        const result = await awaitWithGlobalsOf(this.#globals, () => iterator.next());
        const wrong = result.done !== true && !((result.value as unknown) instanceof Uint8Array);
        if (wrong) this.#violate(`snapshot gives ${describe(result.value)}; its pieces must be Uint8Arrays`);
        return result as IteratorResult<Uint8Array>;
      } catch (error) {
        throw this.#report("snapshot", error);
      }
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  // All pieces are read before they are given: what the state machine does meanwhile takes no time, in which others had the
  // globals.
  async #restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const { id, disk, surroundings } = this.seat;
    const { world, checkers } = surroundings;
    if (!this.life.acts()) return never();
    this.#restoring = true;
    const seq = disk.contents.snapshots.covers;
    const given: Uint8Array[] = [];
    for await (const piece of pieces) given.push(piece.slice());
    if (!this.life.acts()) return never();
    // Cut otherwise than they were given: sizes mean nothing.
    const cut = recut(given, this.seat.random.between(1, 64));
    let settled = false;
    const restored = awaitWithGlobalsOf(this.#globals, () => this.#machine.restore?.(each(cut))).finally(
      () => (settled = true),
    );
    world.after(0, () => {
      if (settled || !this.life.alive) return;
      this.#violate("restore waits for something else than the pieces that it is given");
    });
    try {
      await restored;
    } catch (error) {
      throw this.#report("restore", error);
    }
    this.#restoring = false;
    const digest = withGlobalsOf(this.#globals, () => this.#machine.digest?.());
    world.trace.note("B", id, seq, given.length);
    if (world.trace.verbose) world.trace.line(`node ${id} is restored to seq ${seq}`);
    for (const checker of checkers) checker.restored?.(id, seq, digest);
  }

  #attempt<T>(what: string, run: () => T): T {
    try {
      return withGlobalsOf(this.#globals, run);
    } catch (error) {
      throw this.#report(what, error);
    }
  }

  #report(what: string, error: unknown): unknown {
    this.seat.surroundings.world.violate("state-machine", `${what} throws: ${String(error)}`, error);
    return error;
  }

  #violate(finding: string): void {
    this.seat.surroundings.world.violate("state-machine", finding);
  }
}

function describe(value: unknown): string {
  return value instanceof Promise ? "a promise" : typeof value;
}

/** The same bytes in pieces of this size. */
function recut(pieces: readonly Uint8Array[], size: number): Uint8Array[] {
  const all = Buffer.concat(pieces);
  const cut: Uint8Array[] = [];
  for (let at = 0; at < all.length; at += size) cut.push(Uint8Array.from(all.subarray(at, at + size)));
  return cut;
}

async function* each(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
