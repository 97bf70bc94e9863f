import { ok as assert, deepStrictEqual as assertEqual } from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ProposalSchema } from "@paxos/proto";
import { InvariantError } from "./errors.js";
import { History, type Acceptance, type HistoryBounds, type OrderedRun, type Run } from "./history.js";
import { Random } from "./random.js";

// More: PAXOS_HISTORY_SEEDS=1000 pnpm test history
const seeds = Number(process.env["PAXOS_HISTORY_SEEDS"] ?? 25);

let runs = 0;

/** A run whose updates have these sizes, each with bytes of its own. */
function makeRun(view: number, seq: number, ...sizes: number[]): Run {
  const updates = sizes.map((size) => new Uint8Array(size).fill(runs++ % 251));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const proposal = create(ProposalSchema, { view: BigInt(view), seq: BigInt(seq), updates });
  return { view, seq, end: seq + sizes.length - 1, updates, bytes, proposal };
}

const wide: HistoryBounds = { updates: 1000, bytes: 1_000_000 };

function seqs(acceptances: readonly Acceptance[]): [number, number][] {
  return acceptances.map(({ seq, view }) => [seq, view]);
}

test("runs are accepted without gaps; one that comes early waits for those before it", () => {
  const history = new History(1, 0, wide);
  const [a, b, c] = [makeRun(1, 1, 5, 5), makeRun(1, 3, 5), makeRun(1, 4, 5, 5)];
  expect(history.receive(c)).toEqual({ kind: "early" });
  expect(history.receive(b)).toEqual({ kind: "early" });
  expect([history.accepted, history.last]).toEqual([0, 0]);
  expect(history.receive(a)).toEqual({ kind: "accepted", runs: [a, b, c] });
  expect(history.receive(b)).toEqual({ kind: "known" });
  expect([history.accepted, history.aru, history.inFlightBytes]).toEqual([5, 0, 25]);
});

test("a higher view accepts from the ARU on anew; what lower views accepted stays until then", () => {
  const history = new History(1, 0, wide);
  history.receive(makeRun(1, 1, 1, 1, 1));
  history.receive(makeRun(1, 5, 1));
  history.startView(4);
  expect([history.accepted, history.inFlightBytes]).toEqual([0, 0]);
  // Nothing of the lower view lets a proposal of this one be accepted above a gap (safety rule 3).
  expect(history.receive(makeRun(4, 4, 1))).toEqual({ kind: "early" });
  expect(seqs(history.acceptedAbove(0))).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  expect(history.receive(makeRun(4, 1, 1, 1)).kind).toBe("accepted");
  expect(seqs(history.acceptedAbove(0))).toEqual([
    [1, 4],
    [2, 4],
    [3, 1],
  ]);
  expect(seqs(history.acceptedAbove(2))).toEqual([[3, 1]]);
});

test("an ordered seq is as good as an accepted one to stand on", () => {
  const history = new History(1, 0, wide);
  const early = makeRun(1, 4, 1);
  history.receive(early);
  expect(history.learn(1, [new Uint8Array(1), new Uint8Array(2), new Uint8Array(3)])?.updates).toHaveLength(
    3,
  );
  expect(history.acceptEarly()).toEqual([early]);
  expect([history.aru, history.accepted]).toEqual([3, 4]);
});

test("updates learnt below the ARU are not given a second time", () => {
  const history = new History(1, 5, wide);
  const learnt = [4, 5, 6].map((size) => new Uint8Array(size));
  expect(history.learn(4, learnt.slice(0, 2))).toBeUndefined();
  expect(history.learn(4, learnt)).toEqual({ seq: 6, updates: [learnt[2]], bytes: 6 });
  expect(history.aru).toBe(6);
});

test("a part of a run can be ordered, and the rest later", () => {
  const history = new History(1, 0, wide);
  const run = makeRun(1, 1, 1, 2, 3);
  history.receive(run);
  expect(history.order(2)).toEqual([{ seq: 1, updates: run.updates.slice(0, 2), bytes: 3 }]);
  expect(seqs(history.acceptedAbove(0))).toEqual([[3, 1]]);
  expect([...history.runsAbove(0)]).toEqual([run]);
  expect(history.order(3)).toEqual([{ seq: 3, updates: run.updates.slice(2), bytes: 3 }]);
  expect([[...history.runsAbove(0)], history.inFlightBytes, history.last]).toEqual([[], 0, 3]);
});

test("what was stored is restored: per seq the acceptance of the highest view, nothing up to the ARU", () => {
  const history = new History(7, 2, wide);
  history.restore([makeRun(1, 1, 1, 1, 1, 1), makeRun(5, 3, 1), makeRun(4, 3, 1, 1)]);
  expect(seqs(history.acceptedAbove(0))).toEqual([
    [3, 5],
    [4, 4],
  ]);
  expect([history.accepted, history.last]).toEqual([0, 4]);
});

test("nothing is accepted beyond the bounds, but for the very next run", () => {
  const history = new History(1, 10, { updates: 4, bytes: 100 });
  expect(history.receive(makeRun(1, 11, 60)).kind).toBe("accepted");
  expect(history.receive(makeRun(1, 12, 41)).kind).toBe("beyond");
  expect(history.receive(makeRun(1, 12, 1, 1, 1, 1)).kind).toBe("beyond");
  expect(history.receive(makeRun(1, 12, 38, 1, 1)).kind).toBe("accepted");
  expect(history.receive(makeRun(1, 15, 0)).kind).toBe("beyond");
  // Early ones are bounded as well.
  expect(history.receive(makeRun(1, 17, 0)).kind).toBe("beyond");
  history.order(14);
  expect(history.receive(makeRun(1, 16, 50)).kind).toBe("early");
  expect(history.receive(makeRun(1, 17, 51)).kind).toBe("beyond");
  expect(history.receive(makeRun(1, 15, 500)).kind).toBe("accepted");
});

test("what lower views accepted counts towards the bound, unless it is replaced", () => {
  const history = new History(1, 0, { updates: 10, bytes: 100 });
  history.receive(makeRun(1, 1, 10, 10, 60));
  history.startView(2);
  expect(history.receive(makeRun(2, 1, 10)).kind).toBe("accepted");
  expect(history.receive(makeRun(2, 2, 31)).kind).toBe("beyond");
  expect(history.receive(makeRun(2, 2, 31, 20)).kind).toBe("accepted");
});

test("its own broken rules throw", () => {
  const history = new History(3, 5, wide);
  expect(() => history.startView(3)).toThrow(InvariantError);
  expect(() => history.receive(makeRun(2, 6, 1))).toThrow(InvariantError);
  expect(() => history.receiveOwn(makeRun(3, 7, 1))).toThrow(InvariantError);
  expect(() => history.order(6)).toThrow(InvariantError);
  expect(() => history.learn(7, [new Uint8Array()])).toThrow(InvariantError);
});

/** What the history does, one seq at a time and with no thought of cost. */
class NaiveHistory {
  accepted = 0;
  /** Above the ARU. `run` is set for what was accepted in the view that is going on. */
  readonly held = new Map<number, Acceptance & { run?: Run }>();
  early: Run[] = [];

  constructor(
    public view: number,
    public aru: number,
    readonly bounds: HistoryBounds,
  ) {}

  get runs(): Run[] {
    return [...new Set([...this.held.values()].flatMap(({ run }) => run ?? []))].sort(
      (a, b) => a.seq - b.seq,
    );
  }

  get inFlightBytes(): number {
    return this.runs.reduce((sum, run) => sum + run.bytes, 0);
  }

  startView(view: number): void {
    this.view = view;
    this.accepted = 0;
    this.early = [];
    for (const [seq, { run: _, ...acceptance }] of this.held) this.held.set(seq, acceptance);
  }

  restore(stored: readonly Run[]): void {
    for (const run of stored) {
      run.updates.forEach((update, i) => {
        const seq = run.seq + i;
        if (seq > this.aru && (this.held.get(seq)?.view ?? -1) < run.view)
          this.held.set(seq, { seq, view: run.view, update });
      });
    }
  }

  receive(run: Run): { kind: string; runs?: Run[] } {
    if (run.end <= this.accepted) return { kind: "known" };
    if (run.seq > Math.max(this.aru, this.accepted) + 1) {
      const bytes = this.early.reduce((sum, early) => sum + early.bytes, run.bytes);
      if (run.end > this.aru + this.bounds.updates || bytes > this.bounds.bytes) return { kind: "beyond" };
      if (!this.early.some((early) => early.seq === run.seq)) this.early.push(run);
      return { kind: "early" };
    }
    if (!this.fits(run)) return { kind: "beyond" };
    this.accept(run);
    return { kind: "accepted", runs: [run, ...this.acceptEarly()] };
  }

  fits(run: Run): boolean {
    if (run.seq <= this.aru + 1) return true;
    let bytes = this.inFlightBytes + run.bytes;
    for (const { seq, run: current, update } of this.held.values()) {
      if (current === undefined && (seq < run.seq || seq > run.end)) bytes += update.length;
    }
    return run.end <= this.aru + this.bounds.updates && bytes <= this.bounds.bytes;
  }

  accept(run: Run): void {
    this.accepted = run.end;
    run.updates.forEach((update, i) => {
      const seq = run.seq + i;
      if (seq > this.aru) this.held.set(seq, { seq, view: run.view, update, run });
    });
  }

  acceptEarly(): Run[] {
    const runs: Run[] = [];
    for (const run of this.early.sort((a, b) => a.seq - b.seq)) {
      if (run.seq > Math.max(this.aru, this.accepted) + 1) break;
      if (run.end > this.accepted && !this.fits(run)) break;
      this.early = this.early.filter((early) => early !== run);
      if (run.end <= this.accepted) continue;
      this.accept(run);
      runs.push(run);
    }
    return runs;
  }

  /** Moves the ARU; gives the values passed over, as far as they are held. */
  pass(seq: number): (Uint8Array | undefined)[] {
    const passed = [];
    while (this.aru < seq) {
      passed.push(this.held.get(++this.aru)?.update);
      this.held.delete(this.aru);
    }
    return passed;
  }
}

/**
 * The history and its naive twin, doing the same; a leader that divides its seqs into runs once for each
 * view.
 */
class Twins {
  readonly #random: Random;
  readonly #bounds: HistoryBounds;
  #history: History;
  #naive: NaiveHistory;
  /** The runs of the view's leader, in order. */
  #leaders: Run[] = [];
  readonly #stored: Run[] = [];
  readonly done = new Map<string, number>();

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#bounds = { updates: this.#random.between(6, 40), bytes: this.#random.between(40, 400) };
    this.#history = new History(0, 0, this.#bounds);
    this.#naive = new NaiveHistory(0, 0, this.#bounds);
  }

  step(): void {
    const kinds = [
      "receive",
      "receive",
      "receive",
      "receive",
      "receive",
      "order",
      "order",
      "learn",
      "startView",
      "restart",
    ];
    const kind = kinds[this.#random.between(0, kinds.length - 1)] as string;
    const done = this.#do(kind);
    this.done.set(done, (this.done.get(done) ?? 0) + 1);
    this.#compare(done);
  }

  #do(kind: string): string {
    const [history, naive, random] = [this.#history, this.#naive, this.#random];
    switch (kind) {
      case "receive":
        return this.#receive();
      case "order": {
        if (naive.accepted <= naive.aru) return "nothing to order";
        const upTo = random.between(naive.aru + 1, naive.accepted);
        const from = naive.aru + 1;
        assertEqual(
          flat(history.order(upTo)),
          naive.pass(upTo).map((update, i) => [from + i, update]),
        );
        return kind;
      }
      case "learn": {
        const seq = Math.max(1, naive.aru + 1 - random.between(0, 3));
        const updates = Array.from({ length: random.between(1, 8) }, (_, i) =>
          new Uint8Array(random.between(0, 9)).fill(i),
        );
        const fresh = updates.slice(naive.aru + 1 - seq);
        const from = naive.aru + 1;
        naive.pass(seq + updates.length - 1);
        const learnt = history.learn(seq, updates);
        assertEqual(
          flat(learnt === undefined ? [] : [learnt]),
          fresh.map((update, i) => [from + i, update]),
        );
        const runs = history.acceptEarly();
        assertEqual(runs, naive.acceptEarly());
        this.#stored.push(...runs);
        return kind;
      }
      case "startView": {
        if (random.between(0, 3) > 0) return "same view";
        const view = naive.view + random.between(1, 3);
        history.startView(view);
        naive.startView(view);
        this.#leaders = [];
        return kind;
      }
      default: {
        if (random.between(0, 3) > 0) return "no restart";
        this.#history = new History(naive.view, naive.aru, this.#bounds);
        this.#naive = new NaiveHistory(naive.view, naive.aru, this.#bounds);
        this.#history.restore(this.#stored);
        this.#naive.restore(this.#stored);
        return kind;
      }
    }
  }

  #receive(): string {
    const [naive, random] = [this.#naive, this.#random];
    while ((this.#leaders.at(-1)?.end ?? 0) < naive.aru + 50) {
      const last = this.#leaders.at(-1)?.end ?? Math.max(0, naive.aru - random.between(0, 4));
      const sizes = Array.from({ length: random.between(1, 5) }, () => random.between(0, 12));
      this.#leaders.push(makeRun(naive.view, last + 1, ...sizes));
    }
    // Mostly the next one, at times any, known ones among them.
    const next = this.#leaders.findIndex((run) => run.end > Math.max(naive.aru, naive.accepted));
    const index = random.between(0, 2) > 0 ? next : random.between(Math.max(0, next - 3), next + 6);
    const run = this.#leaders[Math.min(index, this.#leaders.length - 1)] as Run;
    const isNext = run.seq <= naive.aru + 1;
    const receipt = naive.receive(run);
    assertEqual(this.#history.receive(run), receipt);
    this.#stored.push(...(receipt.runs ?? []));
    if (receipt.kind === "accepted" && !isNext) this.#checkBounds();
    return receipt.kind;
  }

  #checkBounds(): void {
    const held = this.#history.acceptedAbove(0);
    assert(held.reduce((sum, { update }) => sum + update.length, 0) <= this.#bounds.bytes);
    assert(this.#history.accepted <= this.#history.aru + this.#bounds.updates);
  }

  #compare(done: string): void {
    const [history, naive] = [this.#history, this.#naive];
    const held = [...naive.held.values()].sort((a, b) => a.seq - b.seq);
    const last = Math.max(naive.aru, naive.accepted, ...naive.held.keys());
    const above = this.#random.between(naive.aru - 3, last + 1);
    assertEqual(
      [done, history.aru, history.accepted, history.inFlightBytes, history.last],
      [done, naive.aru, naive.accepted, naive.inFlightBytes, last],
    );
    assertEqual(
      history.acceptedAbove(above),
      held.filter(({ seq }) => seq > above).map(({ seq, view, update }) => ({ seq, view, update })),
    );
    assertEqual(
      [...history.runsAbove(above)],
      naive.runs.filter(({ end }) => end > above),
    );
  }
}

function flat(ordered: readonly OrderedRun[]): [number, Uint8Array][] {
  return ordered.flatMap(({ seq, updates }) =>
    updates.map((update, i): [number, Uint8Array] => [seq + i, update]),
  );
}

test("does the same as its naive twin, whatever comes", () => {
  const done = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed++) {
    const twins = new Twins(seed);
    for (let i = 0; i < 150; i++) {
      try {
        twins.step();
      } catch (error) {
        throw new Error(`seed ${seed}, operation ${i}: ${String(error)}`, { cause: error });
      }
    }
    for (const [kind, count] of twins.done) done.set(kind, (done.get(kind) ?? 0) + count);
  }
  // Everything has happened often enough to mean something.
  for (const kind of ["accepted", "known", "early", "beyond", "order", "learn", "startView", "restart"]) {
    expect([kind, (done.get(kind) ?? 0) > seeds]).toEqual([kind, true]);
  }
});
