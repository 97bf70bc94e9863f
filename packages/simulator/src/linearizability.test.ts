import { describe, expect, test } from "@jest/globals";
import { type Call, checkLinearizability, type Model } from "./linearizability.js";
import { Random } from "./random.js";

interface Input {
  readonly kind: "read" | "write" | "cas";
  readonly register: string;
  readonly expected: number;
  readonly value: number;
}
type Output = number | "written" | "swapped" | "differs";
type RegisterCall = Call<Input, Output>;

/** Registers that hold 0 at first. Writes answer nothing, so that much is left open. */
const registers: Model<number, Input, Output> = {
  part: ({ register }) => register,
  initial: () => 0,
  step(state, { kind, expected, value }, output) {
    if (kind === "read") return output === undefined || output === state ? state : undefined;
    if (kind === "write") return value;
    const swaps = state === expected;
    if (output !== undefined && (output === "swapped") !== swaps) return undefined;
    return swaps ? value : state;
  },
  key: String,
  readOnly: ({ kind }, output) => kind === "read" || output === "differs",
};

const maxSteps = 200_000;
const check = (calls: readonly RegisterCall[]) => checkLinearizability(registers, calls, { maxSteps });

type Times = readonly [start: number, end: number];
function read(process: number, output: number | undefined, [start, end]: Times): RegisterCall {
  return { process, input: { kind: "read", register: "x", expected: 0, value: 0 }, output, start, end };
}
function write(process: number, value: number, [start, end]: Times): RegisterCall {
  const output = end === Infinity ? undefined : "written";
  return { process, input: { kind: "write", register: "x", expected: 0, value }, output, start, end };
}
function cas(
  process: number,
  [expected, value]: readonly [number, number],
  output: "swapped" | "differs" | undefined,
  [start, end]: Times,
): RegisterCall {
  return { process, input: { kind: "cas", register: "x", expected, value }, output, start, end };
}

describe("histories from the textbook", () => {
  test("nothing at all is linearizable", () => {
    expect(check([])).toEqual({ kind: "linearizable" });
  });

  test("a read may see a write that overlaps it, or not", () => {
    expect(check([write(0, 1, [0, 10]), read(1, 1, [5, 15])])).toEqual({ kind: "linearizable" });
    expect(check([write(0, 1, [0, 10]), read(1, 0, [5, 15])])).toEqual({ kind: "linearizable" });
  });

  test("a stale read is found, and what it contradicts", () => {
    const written = write(0, 1, [0, 10]);
    const stale = read(1, 0, [11, 20]);
    const later = read(2, 1, [30, 40]);
    expect(check([later, written, read(3, 0, [0, 5]), stale])).toEqual({
      kind: "not-linearizable",
      part: "x",
      call: stale,
      calls: [written, stale],
    });
  });

  test("an end and a start at the same time overlap", () => {
    expect(check([write(0, 1, [0, 10]), read(1, 0, [10, 20])])).toEqual({ kind: "linearizable" });
    expect(check([write(0, 1, [0, 10]), read(1, 0, [11, 20])])).toMatchObject({ kind: "not-linearizable" });
  });

  test("a read of what nobody wrote needs no other call to be wrong", () => {
    const invented = read(1, 7, [5, 15]);
    expect(check([write(0, 1, [0, 10]), invented, write(2, 2, [0, 30])])).toMatchObject({
      call: invented,
      calls: [invented],
    });
  });

  test("a lost update is found: two swaps cannot both have seen the same value", () => {
    const swaps = [cas(0, [0, 1], "swapped", [0, 10]), cas(1, [0, 2], "swapped", [5, 15])];
    expect(check(swaps)).toMatchObject({ kind: "not-linearizable", call: swaps[1], calls: swaps });
    const second = cas(1, [0, 2], "differs", [5, 15]);
    expect(check([cas(0, [0, 1], "swapped", [0, 10]), second])).toEqual({ kind: "linearizable" });
  });

  test("two readers must see two writes in the same order", () => {
    const writes = [write(0, 1, [0, 100]), write(1, 2, [0, 100])];
    const oneOrder = [read(2, 1, [10, 20]), read(2, 2, [30, 40])];
    expect(check([...writes, ...oneOrder, read(3, 1, [10, 20]), read(3, 2, [30, 40])])).toEqual({
      kind: "linearizable",
    });
    const otherOrder = [read(3, 2, [10, 20]), read(3, 1, [31, 41])];
    expect(check([...writes, ...oneOrder, ...otherOrder])).toMatchObject({
      kind: "not-linearizable",
      call: otherOrder[1],
    });
  });

  test("a value does not come back", () => {
    const back = read(1, 1, [50, 60]);
    expect(check([write(0, 1, [0, 10]), write(0, 2, [20, 30]), read(1, 2, [35, 40]), back])).toMatchObject({
      kind: "not-linearizable",
      call: back,
    });
  });
});

describe("calls without an answer", () => {
  const lost: Times = [0, Infinity];

  test("a write may take effect late, or never", () => {
    expect(check([write(0, 1, lost), read(1, 0, [10, 20]), read(1, 1, [30, 40])])).toEqual({
      kind: "linearizable",
    });
    expect(check([write(0, 1, lost), read(1, 0, [10, 20])])).toEqual({ kind: "linearizable" });
  });

  test("a write is not unseen once it was seen", () => {
    const unseen = read(1, 0, [30, 40]);
    expect(check([write(0, 1, lost), read(1, 1, [10, 20]), unseen])).toMatchObject({
      kind: "not-linearizable",
      call: unseen,
    });
  });

  test("a write does not take effect twice", () => {
    const again = read(1, 1, [50, 60]);
    const history = [write(0, 1, lost), read(1, 1, [10, 20]), write(1, 2, [30, 40]), again];
    expect(check(history)).toMatchObject({ kind: "not-linearizable", call: again });
  });

  test("a write takes no effect before it starts", () => {
    const early = read(1, 1, [10, 20]);
    expect(check([early, write(0, 1, [21, Infinity])])).toMatchObject({ call: early, calls: [early] });
    expect(check([early, write(0, 1, [20, Infinity])])).toEqual({ kind: "linearizable" });
  });

  test("several can be needed for one answer", () => {
    const chain = [cas(0, [2, 3], undefined, lost), cas(1, [1, 2], undefined, lost), write(2, 1, lost)];
    expect(check([...chain, read(3, 3, [10, 20])])).toEqual({ kind: "linearizable" });
    expect(check([...chain.slice(0, 2), read(3, 3, [10, 20])])).toMatchObject({ kind: "not-linearizable" });
  });

  test("a call that ended with an answer unknown did take effect", () => {
    const swap = cas(0, [0, 1], undefined, [0, 10]);
    expect(check([swap, read(1, 0, [20, 30])])).toMatchObject({ kind: "not-linearizable" });
    expect(check([swap, read(1, 1, [20, 30])])).toEqual({ kind: "linearizable" });
  });
});

test("a call that ends before it starts is refused", () => {
  expect(() => check([read(4, 0, [20, 10])])).toThrow("A call of process 4 starts at 20 and ends at 10");
});

describe("small histories at random", () => {
  test("the verdicts are those of trying all orders, and so are the explanations", () => {
    const random = new Random(1);
    const verdicts = { linearizable: 0, "not-linearizable": 0, unknown: 0 };
    for (let i = 0; i < 4000; i++) {
      const history = randomHistory(random);
      const verdict = check(history);
      verdicts[verdict.kind]++;
      expect({ history, linearizable: verdict.kind === "linearizable" }).toEqual({
        history,
        linearizable: someOrderExplains(history),
      });
      if (verdict.kind === "not-linearizable") expectExplanation(history, verdict.call, verdict.calls);
    }
    expect(verdicts.unknown).toBe(0);
    expect(Math.min(verdicts.linearizable, verdicts["not-linearizable"])).toBeGreaterThan(1000);
  });

  test("what a model says of read-only calls changes no verdict", () => {
    const { readOnly: _, ...withoutReadOnly } = registers;
    const random = new Random(2);
    for (let i = 0; i < 2000; i++) {
      const history = randomHistory(random);
      expect(checkLinearizability(withoutReadOnly, history, { maxSteps }).kind).toBe(check(history).kind);
    }
  });
});

describe("long histories", () => {
  test.each([
    { registerCount: 2, unansweredPerMille: 0 },
    { registerCount: 8, unansweredPerMille: 20 },
  ])("16 processes are judged in a few steps a call, %j", (options) => {
    const history = atomicHistory({ seed: 3, calls: 6000, processes: 16, ...options });
    expect(check(history)).toEqual({ kind: "linearizable" });
  });

  test("one wrong answer among thousands is found, and which", () => {
    const history = atomicHistory({
      seed: 4,
      calls: 4000,
      processes: 16,
      registerCount: 8,
      unansweredPerMille: 5,
    });
    const wrong = history.findIndex(({ input, output }, i) => i > 3000 && input.kind === "read" && output);
    const stale = { ...(history[wrong] as RegisterCall), output: 0 };
    const verdict = check(history.with(wrong, stale));
    expect(verdict).toMatchObject({ kind: "not-linearizable", part: stale.input.register, call: stale });
  });

  test("the bound makes a search too long undecided, part by part, and another part's fault is found all the same", () => {
    const history = atomicHistory({
      seed: 5,
      calls: 2000,
      processes: 16,
      registerCount: 2,
      unansweredPerMille: 0,
    });
    const bounded = (calls: readonly RegisterCall[]) =>
      checkLinearizability(registers, calls, { maxSteps: 100 });
    expect(bounded(history)).toEqual({ kind: "unknown", parts: 2 });
    const invented = read(0, -1, [0, 10]);
    expect(bounded([...history, invented])).toMatchObject({
      kind: "not-linearizable",
      part: "x",
      call: invented,
    });
  });

  test("what a model says of unanswered calls changes no verdict", () => {
    const withHints: typeof registers = {
      ...registers,
      inputKey: (input) => JSON.stringify(input),
      // Enough for these registers: swaps and reads are all that looks at a value.
      relevant: (unanswered, answered) =>
        [...unanswered, ...answered].every(({ input }) => input.kind === "write") ? [] : unanswered,
    };
    const random = new Random(6);
    let wrong = 0;
    for (let i = 0; i < 2000; i++) {
      const history = [...randomHistory(random), ...randomHistory(random)];
      const { kind } = check(history);
      if (kind === "not-linearizable") wrong++;
      expect(checkLinearizability(withHints, history, { maxSteps }).kind).toBe(kind);
    }
    expect(wrong).toBeGreaterThan(200);
    expect(wrong).toBeLessThan(1800);
  });

  test("unanswered writes that nobody needs do not multiply the search", () => {
    const writes = Array.from({ length: 40 }, (_, i) => write(i, 100 + i, [i, Infinity]));
    const reads = Array.from({ length: 40 }, (_, i) => read(50, 100 + i, [100 + 2 * i, 101 + 2 * i]));
    expect(check([...writes, ...reads])).toEqual({ kind: "linearizable" });
    const again = read(50, 120, [300, 301]);
    expect(check([...writes, ...reads, again])).toMatchObject({ kind: "not-linearizable", call: again });
  });
});

function randomHistory(random: Random): RegisterCall[] {
  return Array.from({ length: random.between(2, 6) }, (_, process) => {
    const start = random.between(0, 10);
    const end = random.chance(250) ? Infinity : start + random.between(0, 6);
    const answered = end !== Infinity;
    const pair = [random.between(0, 2), random.between(1, 2)] as const;
    const kind = random.pick(["read", "write", "cas"]);
    if (kind === "read") return read(process, answered ? pair[0] : undefined, [start, end]);
    if (kind === "write") return write(process, pair[1], [start, end]);
    return cas(process, pair, answered ? random.pick(["swapped", "differs"]) : undefined, [start, end]);
  });
}

/** The definition, without any cleverness. */
function someOrderExplains(left: readonly RegisterCall[], state = 0): boolean {
  if (left.every(({ end }) => end === Infinity)) return true;
  return left.some((call) => {
    if (left.some(({ end }) => end < call.start)) return false;
    const after = registers.step(state, call.input, call.output);
    return (
      after !== undefined &&
      someOrderExplains(
        left.filter((other) => other !== call),
        after,
      )
    );
  });
}

function expectExplanation(
  history: readonly RegisterCall[],
  culprit: RegisterCall,
  calls: readonly RegisterCall[],
): void {
  const knowing = (known: (call: RegisterCall) => boolean) =>
    history.map((call) => (known(call) ? call : { ...call, output: undefined, end: Infinity }));
  expect(calls).toContain(culprit);
  // All answers before the culprit's can be explained.
  expect(someOrderExplains(knowing(({ end }) => end < culprit.end))).toBe(true);
  // The calls contradict each other, and no fewer of them do.
  expect(someOrderExplains(knowing((call) => calls.includes(call)))).toBe(false);
  for (const one of calls) {
    expect(someOrderExplains(knowing((call) => call !== one && calls.includes(call)))).toBe(true);
  }
}

interface AtomicHistoryOptions {
  readonly seed: number;
  readonly calls: number;
  readonly processes: number;
  readonly registerCount: number;
  readonly unansweredPerMille: number;
}

/** A history that is linearizable by construction: every call takes effect at a point between its start and its end. */
function atomicHistory(options: AtomicHistoryOptions): RegisterCall[] {
  const random = new Random(options.seed);
  const freeAt = Array.from({ length: options.processes }, () => 0);
  const planned = Array.from({ length: options.calls }, (_, i) => {
    const process = i % options.processes;
    const start = (freeAt[process] ?? 0) + random.between(1, 20);
    const point = start + random.between(0, 60);
    const end = point + random.between(0, 60);
    freeAt[process] = end;
    const kind: Input["kind"] = random.pick(["read", "write", "cas"]);
    const register = `r${random.between(1, options.registerCount)}`;
    const answered = !random.chance(options.unansweredPerMille);
    const input = { kind, register, value: i + 1 };
    return { call: { process, input, start, end: answered ? end : Infinity }, point };
  });
  planned.sort((a, b) => a.point - b.point);
  const states = new Map<string, number>();
  return planned.map(({ call }): RegisterCall => {
    const { kind, register, value } = call.input;
    const state = states.get(register) ?? 0;
    const expected = random.chance(500) ? state : 0;
    const swaps = kind === "cas" && state === expected;
    if (kind === "write" || swaps) states.set(register, value);
    const output = kind === "read" ? state : kind === "write" ? "written" : swaps ? "swapped" : "differs";
    return {
      ...call,
      input: { ...call.input, expected },
      output: call.end === Infinity ? undefined : output,
    };
  });
}
