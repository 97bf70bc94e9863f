// Snapshots as users write them, with the bugs that users have.
import { describe, expect, test } from "@jest/globals";
import {
  simulate,
  Violation,
  type SimulateOptions,
  type SimulatedStateMachine,
  type Workload,
} from "../src/index.js";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);

const workload: Workload = { next: (random) => bytes(String(random.between(0, 9))) };
const brief = { seed: 3, nodes: 3, faultsUntilMs: 8000, workload, profile: "snapshots" } as const;

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return text(Buffer.concat(parts));
}

/** How often each digit came, and in all. */
class Tally implements SimulatedStateMachine {
  protected counts = new Map<string, number>();
  protected total = 0;

  apply(update: Uint8Array): Uint8Array {
    const digit = text(update);
    this.counts.set(digit, (this.counts.get(digit) ?? 0) + 1);
    return bytes(String(++this.total));
  }

  digest(): string {
    return `${this.total} ${[...this.counts]
      .map(String)
      .toSorted((a, b) => (a < b ? -1 : 1))
      .join()}`;
  }

  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
    return [bytes(JSON.stringify([this.total, [...this.counts]]))];
  }

  async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const [total, counts] = JSON.parse(await joined(pieces)) as [number, [string, number][]];
    this.total = total;
    this.counts = new Map(counts);
  }
}

/** Captured at once, given bit by bit. */
class InPieces extends Tally {
  override async *snapshot(): AsyncIterable<Uint8Array> {
    const whole = bytes(JSON.stringify([this.total, [...this.counts]]));
    for (let at = 0; at < whole.length; at += 5) {
      yield whole.subarray(at, at + 5);
      await Promise.resolve();
    }
  }
}

class MissesTheTotal extends Tally {
  override snapshot(): Iterable<Uint8Array> {
    return [bytes(JSON.stringify([0, [...this.counts]]))];
  }
}

/** What comes later is read later. */
class ReadsLive extends Tally {
  override *snapshot(): Iterable<Uint8Array> {
    yield bytes("[");
    yield bytes(`${this.total},`);
    yield bytes(JSON.stringify([...this.counts]));
    yield bytes("]");
  }
}

/** Adds to what is there. */
class RestoresOnTop extends Tally {
  override async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const [total, counts] = JSON.parse(await joined(pieces)) as [number, [string, number][]];
    this.total += total;
    for (const [digit, count] of counts) this.counts.set(digit, count + (this.counts.get(digit) ?? 0));
  }
}

/** Takes the pieces for those that it gave. */
class OnePiece extends Tally {
  override async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      const [total, counts] = JSON.parse(text(piece)) as [number, [string, number][]];
      this.total = total;
      this.counts = new Map(counts);
    }
  }
}

class ReadsTheClock extends Tally {
  override snapshot(): Iterable<Uint8Array> {
    return [bytes(JSON.stringify([Date.now(), [...this.counts]]))];
  }
}

class Throws extends Tally {
  override snapshot(): Iterable<Uint8Array> {
    throw new Error("mine");
  }
}

class Waits extends Tally {
  override async restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    await super.restore(pieces);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const bugs: [string, () => SimulatedStateMachine, string, RegExp, Partial<SimulateOptions>?][] = [
  ["something is missing in it", () => new MissesTheTotal(), "one-order", /restored to another state/],
  ["later updates show in it", () => new ReadsLive(), "one-order", /restored to another state|one on node/],
  [
    "it is restored on top of what is there",
    () => new RestoresOnTop(),
    "one-order",
    /restored to another state/,
    // Seen by a node that is given a snapshot while it runs.
    { profile: "far-behind", faultsUntilMs: 25_000 },
  ],
  ["it is read as one piece", () => new OnePiece(), "state-machine", /^restore throws: SyntaxError/],
  ["a time is in it", () => new ReadsTheClock(), "one-order", /restored to another state/],
  ["it throws", () => new Throws(), "state-machine", /^snapshot throws: Error: mine$/],
  ["its restore waits for the world", () => new Waits(), "state-machine", /^restore waits for something/],
];

describe("a snapshot is wrong", () => {
  test.each(bugs)("%s", async (_, stateMachine, checker, finding, options = {}) => {
    const run = () =>
      simulate({ ...brief, ...options, stateMachine }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
    const violation = await run();
    expect(violation).toBeInstanceOf(Violation);
    if (!(violation instanceof Violation)) return;
    expect(violation.checker).toBe(checker);
    expect(violation.finding).toMatch(finding);
    expect(await run()).toMatchObject({ message: violation.message });
  });
});

describe("a snapshot is right", () => {
  test.each([
    ["in one piece", () => new Tally()],
    ["in many, given later", () => new InPieces()],
  ])("%s", async (_, stateMachine) => {
    const { snapshots } = await simulate({ ...brief, stateMachine });
    expect(snapshots.taken).toBeGreaterThan(5);
    expect(snapshots.compactions).toBeGreaterThan(5);
  });

  test("without one the log is kept for ever", async () => {
    const { snapshots } = await simulate({
      ...brief,
      stateMachine: () => {
        let count = 0;
        return { apply: () => bytes(String(++count)) };
      },
    });
    expect(snapshots).toEqual({ taken: 0, installed: 0, compactions: 0 });
  });
});
