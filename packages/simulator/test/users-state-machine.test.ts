// State machines as users write them, with the bugs that users have: each is found, and found again from its seed.
import { describe, expect, test } from "@jest/globals";
import {
  profiles,
  simulate,
  Violation,
  type Operation,
  type ProfileName,
  type SimulatedStateMachine,
  type SimulateOptions,
  type Workload,
} from "../src/index.js";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (value: string | number) => new TextEncoder().encode(String(value));

async function violationOf(options: SimulateOptions): Promise<Violation> {
  const error: unknown = await simulate(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Violation) return error;
  throw new Error("nothing was found", { cause: error });
}

/** Clients of a lock service: each update is `<client> <lock>`. */
const locking: Workload = {
  next: (random, client) => bytes(`${client} ${random.between(0, 2)}`),
};

/** Short, and with few nodes: what is wrong shows at once. */
const brief = { nodes: 3, faultsUntilMs: 5000, workload: locking } as const;

/** Who holds a lock, and until when. */
class Locks implements SimulatedStateMachine {
  readonly #locks = new Map<string, { owner: string; until: number }>();

  constructor(private readonly now: (update: Uint8Array) => number) {}

  apply(update: Uint8Array): Uint8Array {
    const [client = "", lock = ""] = text(update).split(" ");
    const now = this.now(update);
    const held = this.#locks.get(lock);
    const free = held === undefined || held.owner === client || held.until <= now;
    if (free) this.#locks.set(lock, { owner: client, until: now + 1000 });
    return bytes(free ? "granted" : `held by ${held.owner}`);
  }
}

/** Answers and states that follow from the updates alone, and what else the case adds to them. */
const counter = (extra: (count: number, update: Uint8Array) => string | number): SimulatedStateMachine => {
  let count = 0;
  return { apply: (update) => bytes(extra(++count, update)) };
};

let shared = 0;
const kept = new Map<number, number>();

interface Case {
  readonly name: string;
  readonly stateMachine: (nodeId: number) => SimulatedStateMachine;
  readonly checker: string;
  readonly finding: RegExp;
  readonly profile?: ProfileName;
  readonly nodes?: number;
}

const answersDiffer =
  /^the state machine answers call \d+ at seq \d+ with 0x\S* on node \d, with 0x\S* on node \d$/;
const statesDiffer = /^after seq \d+ the state of node \d differs from that of node \d$/;

const bugs: Case[] = [
  {
    name: "a lease that expires by Date.now()",
    stateMachine: () => new Locks(() => Date.now()),
    checker: "one-order",
    finding: answersDiffer,
  },
  {
    name: "a lease that expires by performance.now()",
    stateMachine: () => new Locks(() => performance.now()),
    checker: "one-order",
    finding: answersDiffer,
  },
  {
    name: "a token from Math.random()",
    stateMachine: () => counter(() => Math.floor(Math.random() * 1e9)),
    checker: "one-order",
    finding: answersDiffer,
  },
  {
    name: "an id drawn when the copy was made",
    stateMachine: () => {
      const id = Math.random();
      return counter((count) => count * id);
    },
    checker: "one-order",
    finding: answersDiffer,
  },
  {
    name: "an id drawn when the copy was made, of one node alone: it is another after a restart",
    stateMachine: () => {
      const id = Math.random();
      return counter((count) => count * id);
    },
    checker: "one-order",
    finding: answersDiffer,
    profile: "crashes",
    nodes: 1,
  },
  {
    name: "a time of creation from new Date(), in the state only",
    stateMachine: () => {
      let created = "";
      return {
        apply: () => {
          created = new Date().toISOString();
          return new Uint8Array();
        },
        digest: () => created,
      };
    },
    checker: "one-order",
    finding: statesDiffer,
  },
  {
    name: "a count that all copies share",
    stateMachine: () => counter(() => ++shared),
    checker: "one-order",
    finding: answersDiffer,
  },
  {
    name: "a count kept outside of the copy, over restarts",
    stateMachine: (nodeId) => {
      const count = () => {
        kept.set(nodeId, (kept.get(nodeId) ?? 0) + 1);
        return kept.get(nodeId) ?? 0;
      };
      return { apply: () => bytes(count()) };
    },
    checker: "one-order",
    finding: answersDiffer,
    profile: "crashes",
  },
  {
    name: "an answer that depends on the node",
    stateMachine: (nodeId) => counter((count) => `${count} from node ${nodeId}`),
    checker: "one-order",
    finding: answersDiffer,
  },
  {
    name: "an order left to chance",
    stateMachine: () => {
      const clients: string[] = [];
      return {
        apply: (update) => {
          clients.push(text(update));
          clients.sort(() => Math.random() - 0.5);
          return new Uint8Array();
        },
        digest: () => clients.join(),
      };
    },
    checker: "one-order",
    finding: statesDiffer,
  },
  {
    name: "an update that is changed while it is applied",
    stateMachine: () => counter((count, update) => count + update.reverse().length),
    checker: "changed-update",
    finding: /^the state machine of node \d changes the update that it is given at seq \d+$/,
  },
  {
    name: "a throw on some updates",
    stateMachine: () =>
      counter((count, update) => {
        if (text(update).endsWith(" 2")) throw new TypeError("no such lock: 2");
        return count;
      }),
    checker: "stopped",
    finding: /^node \d stopped: TypeError: no such lock: 2$/,
  },
];

describe("found, and found again", () => {
  test.each(bugs)("$name", async ({ stateMachine, checker, finding, profile = "rough", nodes = 3 }) => {
    const run = async () => {
      shared = 0;
      kept.clear();
      return violationOf({ ...brief, nodes, seed: 3, profile, stateMachine });
    };
    const violation = await run();
    expect(violation.checker).toBe(checker);
    expect(violation.finding).toMatch(finding);
    const again = await run();
    expect(again.message).toBe(violation.message);
    expect(again.summary).toEqual(violation.summary);
  });

  test("in the end with what a throw was caused by", async () => {
    const failure = new Error("mine");
    const stateMachine = () =>
      counter(() => {
        throw failure;
      });
    expect((await violationOf({ ...brief, seed: 1, stateMachine })).cause).toBe(failure);
  });
});

describe("correct ones pass", () => {
  const correct: [string, (nodeId: number) => SimulatedStateMachine][] = [
    // As if the time were part of the update: the same on all nodes.
    ["leases that expire by what the update says", () => new Locks((update) => update.length)],
    ["a count", () => counter((count) => count)],
    ["no answers and no digest", () => ({ apply: () => new Uint8Array() })],
    [
      "a digest",
      () => {
        let all = "";
        return { apply: (update) => bytes((all += text(update)).length), digest: () => all.length };
      },
    ],
    ["a date of the update's own", () => counter((count) => new Date(count * 1000).toISOString())],
  ];
  test.each(correct)("%s", async (_, stateMachine) => {
    const { operations, faults } = await simulate({
      ...brief,
      seed: 3,
      profile: "rough",
      stateMachine,
    });
    expect(operations.ordered).toBeGreaterThan(150);
    expect(faults).toBeGreaterThan(1);
  });
});

describe("what a state machine is given", () => {
  test("a copy is made for each start of each node, and applies all updates from the first on", async () => {
    const made: number[] = [];
    const firstSeqs: number[][] = [];
    const { faultsByKind } = await simulate({
      ...brief,
      seed: 3,
      profile: { ...profiles.crashes, operatorsPerMille: 0 },
      stateMachine: (nodeId) => {
        made.push(nodeId);
        const seqs: number[] = [];
        firstSeqs.push(seqs);
        return {
          apply: (_, seq) => {
            if (seqs.length < 3) seqs.push(seq);
            return new Uint8Array();
          },
        };
      },
    });
    expect(faultsByKind["crash"]).toBeGreaterThan(1);
    expect(made.length).toBeGreaterThan(4);
    expect(new Set(made)).toEqual(new Set([0, 1, 2]));
    const some = firstSeqs.filter(({ length }) => length === 3);
    expect(some.length).toBeGreaterThan(3);
    for (const seqs of some) expect(seqs).toEqual(some[0]);
  });

  test("updates are the workload's, each applied once by each copy", async () => {
    let sent = 0;
    const copies: string[][] = [];
    const { operations } = await simulate({
      ...brief,
      seed: 5,
      profile: "rough",
      workload: { next: () => bytes(`update ${sent++}`) },
      stateMachine: () => {
        const applied: string[] = [];
        copies.push(applied);
        return {
          apply: (update) => {
            applied.push(text(update));
            return new Uint8Array();
          },
        };
      },
    });
    expect(sent).toBe(operations.issued);
    for (const applied of copies) {
      expect(new Set(applied).size).toBe(applied.length);
      for (const update of applied) expect(update).toMatch(/^update \d+$/);
    }
    expect(Math.max(...copies.map(({ length }) => length))).toBeGreaterThanOrEqual(operations.ordered);
  });

  test("the clocks of nodes are apart, within five seconds of the start of 2026 and what has gone by since", async () => {
    const clocks = new Map<number, Set<number>>();
    const { virtualMs } = await simulate({
      ...brief,
      seed: 2,
      profile: { ...profiles.calm, operatorsPerMille: 0 },
      stateMachine: (nodeId) => {
        const own = clocks.get(nodeId) ?? new Set();
        clocks.set(nodeId, own);
        return {
          apply: () => {
            own.add(Date.now());
            return new Uint8Array();
          },
        };
      },
    });
    const start = Date.UTC(2026, 0, 1);
    const firsts = [...clocks.values()].map((own) => Math.min(...own));
    expect(new Set(firsts).size).toBe(3);
    for (const own of clocks.values()) {
      expect(Math.min(...own)).toBeGreaterThanOrEqual(start - 5000);
      expect(Math.max(...own)).toBeLessThanOrEqual(start + 5000 + virtualMs);
    }
  });
});

describe("a workload of one's own", () => {
  const counts: Omit<SimulateOptions, "seed"> = {
    ...brief,
    profile: "rough",
    stateMachine: () => counter((n) => n),
  };

  test("is asked for updates and judges the history", async () => {
    const histories: (readonly Operation[])[] = [];
    const { operations, undecided } = await simulate({
      ...counts,
      seed: 4,
      workload: {
        ...locking,
        check: (history) => {
          histories.push(history);
          const seen = history.flatMap(({ result }) => (result === undefined ? [] : [text(result)]));
          return new Set(seen).size === seen.length ? undefined : "two clients were given the same number";
        },
      },
    });
    expect(histories).toHaveLength(1);
    const history = histories[0] ?? [];
    expect(history).toHaveLength(operations.ordered + operations.unknown);
    expect(history.filter(({ result }) => result !== undefined)).toHaveLength(operations.ordered);
    for (const { client, update, start, end, result } of history) {
      expect(text(update).startsWith(`${client} `)).toBe(true);
      expect(start).toBeLessThan(end);
      expect(end === Infinity).toBe(result === undefined);
    }
    expect(undecided).toBe(0);
  });

  test("finds what it finds wrong", async () => {
    const violation = await violationOf({
      ...counts,
      seed: 4,
      // Every copy starts from 5: they agree, and are wrong.
      stateMachine: () => counter((count) => Math.max(5, count)),
      workload: {
        ...locking,
        check: (history) => {
          const seen = history.flatMap(({ result }) => (result === undefined ? [] : [text(result)]));
          return new Set(seen).size === seen.length ? undefined : "two clients were given the same number";
        },
      },
    });
    expect([violation.checker, violation.finding]).toEqual([
      "workload",
      "two clients were given the same number",
    ]);
  });

  test("may throw what it finds wrong, as assertions do", async () => {
    const wrong = new Error("not what was expected");
    const check = () => {
      throw wrong;
    };
    const violation = await violationOf({ ...counts, seed: 4, workload: { ...locking, check } });
    expect([violation.checker, violation.finding]).toEqual([
      "workload",
      "check throws: Error: not what was expected",
    ]);
    expect(violation.cause).toBe(wrong);
  });

  test("may be unable to decide, which is counted", async () => {
    const check = () => ({ undecided: 2 });
    const { undecided } = await simulate({ ...counts, seed: 4, workload: { ...locking, check } });
    expect(undecided).toBe(2);
  });

  test("draws from the run's randomness: the same seed gives the same updates", async () => {
    const updatesOf = async (seed: number) => {
      const updates: string[] = [];
      await simulate({
        ...counts,
        seed,
        workload: {
          next: (random, client) => {
            const update = `${client} ${random.next()}`;
            updates.push(update);
            return bytes(update);
          },
        },
      });
      return updates;
    };
    expect(await updatesOf(1)).toEqual(await updatesOf(1));
    expect(await updatesOf(1)).not.toEqual(await updatesOf(2));
  });
});

describe("a violation's message", () => {
  test("says what was found, where, when, and in which run", async () => {
    const stateMachine = (nodeId: number) => counter((count) => `${count} from node ${nodeId}`);
    const violation = await violationOf({ ...brief, seed: 9, stateMachine });
    const { checker, finding, message, summary } = violation;
    expect(message.startsWith(`[${checker}] ${finding}\n`)).toBe(true);
    expect(message).toContain(`seed ${summary.seed}`);
    expect(message).toContain(`profile ${summary.profile}`);
    expect(message).toMatch(new RegExp(`\\b${summary.virtualMs} virtual ms\\b`));
    expect(summary).toMatchObject({ seed: 9, profile: "rough", nodes: 3 });
    expect(summary.virtualMs).toBeGreaterThan(0);
    expect(summary.virtualMs).toBeLessThan(10_000);
  });
});

describe("options that are not allowed are refused at once", () => {
  const cases: [string, Partial<SimulateOptions>, RegExp][] = [
    ["seed -1", { seed: -1 }, /^seed is -1; allowed is an integer from 0 to 9007199254740991$/],
    ["seed 1.5", { seed: 1.5 }, /^seed is 1.5;/],
    ["seed NaN", { seed: NaN }, /^seed is NaN;/],
    ["seed 2^53", { seed: 2 ** 53 }, /^seed is 9007199254740992;/],
    ["nodes 0", { nodes: 0 }, /^nodes is 0; allowed is an integer from 1 to 9$/],
    ["nodes 10", { nodes: 10 }, /^nodes is 10;/],
    ["nodes 2.5", { nodes: 2.5 }, /^nodes is 2.5;/],
    ["faultsUntilMs NaN", { faultsUntilMs: NaN }, /^faultsUntilMs is NaN; allowed is an integer, 0 or more$/],
    ["faultsUntilMs -1", { faultsUntilMs: -1 }, /^faultsUntilMs is -1;/],
    [
      "an unknown profile",
      { profile: "ruff" as ProfileName },
      new RegExp(`^profile is ruff; .*${Object.keys(profiles).join(", ")}`),
    ],
    ["what every object inherits", { profile: "toString" as ProfileName }, /^profile is toString;/],
  ];
  test.each(cases)("%s", async (_, options, message) => {
    let made = 0;
    const stateMachine = () => {
      made++;
      return counter((count) => count);
    };
    const error: unknown = await simulate({ seed: 1, stateMachine, ...options }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RangeError);
    expect((error as RangeError).message).toMatch(message);
    expect(made).toBe(0);
  });
});

test("leaving faults out of a run changes none of the others", async () => {
  const faultsOf = async (faults?: readonly number[]) => {
    const lines: string[] = [];
    const trace = (line: string) => lines.push(line);
    const options = {
      ...brief,
      seed: 6,
      profile: "rough",
      stateMachine: () => counter((n) => n),
      trace,
    } as const;
    const summary = await simulate(faults === undefined ? options : { ...options, faults });
    return { summary, shown: lines.filter((line) => line.includes("FAULT ")) };
  };
  const { summary, shown } = await faultsOf();
  expect(shown.length).toBeGreaterThan(3);
  expect(summary.faults).toBe(shown.length);
  const some = await faultsOf([0, 2]);
  expect(some.shown).toEqual([shown[0], shown[2]]);
  expect(some.summary.faults).toBe(2);
  const none = await faultsOf([]);
  expect([none.shown, none.summary.faultsByKind]).toEqual([[], {}]);
});
