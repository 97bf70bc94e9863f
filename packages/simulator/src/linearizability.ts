import { type Entry, EntryList } from "./entry-list.js";

/**
 * Judges whether a history of concurrent calls is linearizable: whether some order of the calls, in which none
 * that ended before another started comes after it, explains all answers. The search is that of Wing and Gong
 * (1993), with the memoisation of Lowe (2017) and the partitions of Horn and Kroening (2015), as in Porcupine.
 */

/** A sequential specification. */
export interface Model<S, I, O> {
  /** Calls of different parts do not affect each other, so that each part is judged by itself. */
  part(input: I): string;
  /** The state of a part before its first call. States are immutable values. */
  initial(): S;
  /**
   * The state after `input`, or undefined when it could not have given `output`. `output` is undefined when
   * nobody knows it: then the state after it, whatever it answered.
   */
  step(state: S, input: I, output: O | undefined): S | undefined;
  /** Equal for equal states, different for different ones. */
  key(state: S): string;
  /**
   * True when a call of this input with this output leaves every state as it is in which it is possible. Saying
   * so is never required, but many concurrent reads are judged much faster with it.
   */
  readOnly?(input: I, output: O | undefined): boolean;
  /** Equal only for inputs that do the same. Of unanswered calls that do the same, the first to start is tried first. */
  inputKey?(input: I): string;
  /**
   * Those of the unanswered calls that can matter to an answer; the others are as if they never took effect. Leaving
   * none out is always right, but each one that stays may have to be tried wherever the search comes to a dead end.
   */
  relevant?(unanswered: readonly Call<I, O>[], answered: readonly Call<I, O>[]): readonly Call<I, O>[];
}

/** A call, as seen by who made it. Times are in any unit; a call that ends when another starts overlaps it. */
export interface Call<I, O> {
  readonly process: number;
  readonly input: I;
  /** Undefined when nobody knows it. */
  readonly output: O | undefined;
  readonly start: number;
  /** Infinity when there was no answer: the call takes effect at any time after its start, or never. */
  readonly end: number;
}

export type Verdict<I, O> =
  | { readonly kind: "linearizable" }
  | {
      readonly kind: "not-linearizable";
      readonly part: string;
      /** The call that cannot be placed: all answers given before its own can be explained, its own cannot. */
      readonly call: Call<I, O>;
      /**
       * Calls, `call` among them, whose answers contradict each other whatever became of all other calls, by
       * start. None can be left out, unless finding so took too many steps.
       */
      readonly calls: readonly Call<I, O>[];
    }
  /** Of so many parts the search was given up, and no other part was at fault. */
  | { readonly kind: "unknown"; readonly parts: number };

/**
 * Judges a history.
 *
 * @param options `maxSteps` bounds the steps of the model that the search may take in each part; eight times as many may
 *   be taken to find the few calls that show what is wrong.
 * @throws RangeError when a call ends before it starts.
 */
export function checkLinearizability<S, I, O>(
  model: Model<S, I, O>,
  calls: readonly Call<I, O>[],
  { maxSteps }: { readonly maxSteps: number },
): Verdict<I, O> {
  const parts = new Map<string, Call<I, O>[]>();
  for (const call of calls) {
    if (!(call.start <= call.end)) {
      throw new RangeError(
        `A call of process ${call.process} starts at ${call.start} and ends at ${call.end}`,
      );
    }
    const part = model.part(call.input);
    const those = parts.get(part);
    if (those) those.push(call);
    else parts.set(part, [call]);
  }
  let unknown = 0;
  for (const [part, those] of parts) {
    const search = new Search(model, those, maxSteps);
    const verdict = search.run();
    if (verdict === undefined) unknown++;
    if (verdict === false) {
      return {
        kind: "not-linearizable",
        part,
        ...contradiction(model, those, search, maxSteps),
      };
    }
  }
  return unknown === 0 ? { kind: "linearizable" } : { kind: "unknown", parts: unknown };
}

/**
 * The fewest calls whose answers show what is wrong, `call` being the last of them to end. To forget an answer only
 * makes a history easier to explain. So there is a first end up to which the answers cannot be explained; and a call
 * that was needed for that still is after others were forgotten.
 *
 * @param failed the search that found no order.
 */
function contradiction<S, I, O>(
  model: Model<S, I, O>,
  calls: readonly Call<I, O>[],
  failed: { readonly steps: number; readonly explainedUntil: number },
  maxSteps: number,
): { readonly call: Call<I, O>; readonly calls: readonly Call<I, O>[] } {
  // A search that takes much longer than the first is better given up: others will do.
  const maxStepsOfOne = 4 * failed.steps + 1000;
  let steps = 8 * maxSteps;
  const isContradictory = (known: ReadonlySet<Call<I, O>>): boolean => {
    const weaker = calls.map((call) =>
      known.has(call) ? call : { ...call, output: undefined, end: Infinity },
    );
    const search = new Search(model, weaker, Math.min(steps, maxStepsOfOne));
    const verdict = search.run();
    steps -= search.steps;
    return verdict === false;
  };

  const answered = calls.filter((call) => isAnswered(call)).sort((a, b) => a.end - b.end);
  const until = (end: number) => new Set(answered.filter((call) => call.end <= end));
  const ends = answered.map(({ end }) => end).filter((end) => end >= failed.explainedUntil);
  let [low, high] = [0, ends.length - 1];
  for (let probe = low; low < high; probe = (low + high) >> 1) {
    if (isContradictory(until(ends[probe] ?? Infinity))) high = probe;
    else low = probe + 1;
  }

  const needed = until(ends[high] ?? Infinity);
  const forget = (some: readonly Call<I, O>[]): void => {
    if (steps <= 0) return;
    if (isContradictory(new Set([...needed].filter((call) => !some.includes(call))))) {
      for (const call of some) needed.delete(call);
    } else if (some.length > 1) {
      const half = some.length >> 1;
      forget(some.slice(0, half));
      forget(some.slice(half));
    }
  };
  forget([...needed]);
  const byEnd = [...needed];
  const call = byEnd.at(-1);
  if (!call) throw new Error("A history without answers can always be explained");
  return { call, calls: byEnd.sort((a, b) => a.start - b.start) };
}

function isAnswered<I, O>(call: Call<I, O>): boolean {
  return call.end !== Infinity;
}

interface AnsweredCall<I, O> extends Call<I, O> {
  readonly readOnly: boolean;
}

interface UnansweredCall<I, O> extends Call<I, O> {
  readonly bit: bigint;
  /** The bit of the last call before it that does the same, 0 if there is none. */
  readonly twinBit: bigint;
}

function withBits<S, I, O>(model: Model<S, I, O>, calls: readonly Call<I, O>[]): UnansweredCall<I, O>[] {
  const last = new Map<string | undefined, bigint>();
  return calls.map((call, index) => {
    const bit = 1n << BigInt(index);
    const key = model.inputKey?.(call.input);
    const twinBit = (key !== undefined && last.get(key)) || 0n;
    last.set(key, bit);
    return { ...call, output: undefined, bit, twinBit };
  });
}

/** An answered call that can be placed next, and the state after it. */
interface Move<S, I, O> {
  readonly from: Position<S>;
  readonly entry: Entry<AnsweredCall<I, O>>;
  readonly state: S;
}

/** How far a search has come on its path. */
interface Position<S> {
  readonly state: S;
  /** The answered calls placed: all below `first`, and first + i for each bit i of `beyond`. */
  readonly first: number;
  readonly beyond: bigint;
  /** The unanswered calls placed, a bit each. */
  readonly used: bigint;
}

/** A depth-first search through the orders of one part's calls. */
class Search<S, I, O> {
  /** Steps of the model taken. */
  steps = 0;
  /** What was answered before this time can be explained: some path came past all ends until then. */
  explainedUntil = -Infinity;

  readonly #model: Model<S, I, O>;
  readonly #maxSteps: number;
  /** The answered calls that are not placed. */
  readonly #open: EntryList<AnsweredCall<I, O>>;
  /** By start, without those that cannot matter. */
  readonly #unanswered: readonly UnansweredCall<I, O>[];
  readonly #seen = new LeastSets();
  constructor(model: Model<S, I, O>, calls: readonly Call<I, O>[], maxSteps: number) {
    const byStart = calls
      .map((call) => ({ ...call, readOnly: model.readOnly?.(call.input, call.output) ?? false }))
      .sort((a, b) => a.start - b.start);
    this.#model = model;
    this.#maxSteps = maxSteps;
    const answered = byStart.filter((call) => isAnswered(call));
    const unanswered = byStart.filter((call) => !isAnswered(call) && !call.readOnly);
    this.#open = new EntryList(answered);
    this.#unanswered = withBits(model, model.relevant?.(unanswered, answered) ?? unanswered);
  }

  /** Whether there is an order that explains everything; undefined when that took too many steps. */
  run(): boolean | undefined {
    const start = this.#placeReadOnly({ state: this.#model.initial(), first: 0, beyond: 0n, used: 0n });
    const path = [{ placed: this.#open.taken, moves: this.#moves(start) }];
    while (!this.#open.isEmpty) {
      const last = path.at(-1);
      if (!last) return false;
      this.#open.putBack(last.placed);
      const move = last.moves.next();
      if (this.steps > this.#maxSteps) return undefined;
      if (move.done) {
        path.pop();
        continue;
      }
      const position = this.#placeReadOnly(this.#place(move.value));
      const key = `${position.first}:${position.beyond.toString(36)}:${this.#model.key(position.state)}`;
      if (this.#seen.add(key, position.used)) {
        path.push({ placed: this.#open.taken, moves: this.#moves(position) });
      }
    }
    return true;
  }

  /**
   * What can come next: an answered call, perhaps after some unanswered ones. Those are placed for its sake only and
   * as few as will do, fewest first: otherwise every set of them would have to be tried.
   */
  *#moves(from: Position<S>): Generator<Move<S, I, O>, undefined> {
    const firstEnd = this.#open.firstEnd();
    this.explainedUntil = Math.max(this.explainedUntil, firstEnd);
    const candidates = [...this.#open.overlapping()];

    const reached = [from];
    const seen = new LeastSets();
    seen.add(this.#model.key(from.state), from.used);
    for (const position of reached) {
      for (const entry of candidates) {
        const state = this.#step(position.state, entry.interval);
        if (state !== undefined) yield { from: position, entry, state };
      }
      for (const call of this.#unanswered) {
        if (call.start > firstEnd || this.steps > this.#maxSteps) break;
        if (position.used & call.bit || (position.used & call.twinBit) !== call.twinBit) continue;
        const used = position.used | call.bit;
        const state = this.#step(position.state, call);
        if (state !== undefined && seen.add(this.#model.key(state), used)) {
          reached.push({ ...position, state, used });
        }
      }
    }
  }

  /** Places all read-only calls that can come next: another order could only place them later, to the same effect. */
  #placeReadOnly(position: Position<S>): Position<S> {
    let after = position;
    for (const entry of this.#open.overlapping()) {
      if (!entry.interval.readOnly) continue;
      const state = this.#step(after.state, entry.interval);
      if (state !== undefined) after = this.#place({ from: after, entry, state });
    }
    return after;
  }

  #step(state: S, call: Call<I, O>): S | undefined {
    this.steps++;
    return this.#model.step(state, call.input, call.output);
  }

  #place({ from, entry, state }: Move<S, I, O>): Position<S> {
    this.#open.take(entry);
    let { first, beyond } = from;
    beyond |= 1n << BigInt(entry.index - first);
    for (; beyond & 1n; beyond >>= 1n) first++;
    return { state, first, beyond, used: from.used };
  }
}

/** Sets, by key, of which only those count that contain no other. */
class LeastSets {
  readonly #sets = new Map<string, bigint[]>();

  /** False when the set, or a subset of it, was added before: who got as far with fewer calls can do all the more. */
  add(key: string, set: bigint): boolean {
    const others = this.#sets.get(key);
    if (!others) this.#sets.set(key, [set]);
    else if (others.some((other) => (other & set) === other)) return false;
    else others.push(set);
    return true;
  }
}
