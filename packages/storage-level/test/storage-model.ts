// What a storage must hold, in the plainest terms.
import { expect } from "@jest/globals";
import type { Storage, StoredState } from "@paxos/core";
import { content, makeRun, makeSave, texts, type RunFields } from "./builders.js";
import { readChunks, type WholeSnapshot } from "./snapshots.js";

export interface Model {
  /** The number of the last save. */
  readonly number: number;
  readonly aru: number;
  /** All that were ever saved, in that order. */
  readonly runs: readonly RunFields[];
  readonly firstSeq: number;
  /** In ascending order of seqs. */
  readonly snapshots: readonly WholeSnapshot[];
  readonly incoming?: { readonly whole: WholeSnapshot; readonly next: number };
}

export const emptyModel: Model = { number: 0, aru: 0, runs: [], firstSeq: 1, snapshots: [] };

export function latestSeq({ snapshots }: Model): number {
  return Number(snapshots.at(-1)?.snapshot.seq ?? 0n);
}

/** The highest seq up to which runs cover everything from `from` on; `from` - 1 when they do not cover that. */
export function coveredFrom({ runs }: Model, from: number): number {
  let next = from;
  const above = runs.filter(({ seq, count }) => seq + count > from);
  for (let found = true; found;) {
    found = false;
    for (const { seq, count } of above) {
      if (seq <= next && seq + count > next) [next, found] = [seq + count, true];
    }
  }
  return next - 1;
}

function isEqualRun(a: RunFields, b: RunFields): boolean {
  return makeKey(a) === makeKey(b);
}

function makeKey({ seq, count, view = 0, ordered = false }: RunFields): string {
  return `${seq} ${count} ${view} ${ordered}`;
}

/** The update that counts at a seq. */
export function valueAt({ runs }: Model, seq: number): string {
  const rank = ({ view = 0, ordered = false }: RunFields) => (ordered ? Infinity : view);
  const holding = runs.filter((run) => run.seq <= seq && run.seq + run.count > seq);
  const [best] = holding.sort((a, b) => rank(b) - rank(a));
  if (best === undefined) throw new Error(`the model has no seq ${seq}`);
  return content(best, seq);
}

/**
 * Sees to it that what was loaded is what one of two models says, each part by itself: what was done before a crash, and what
 * was being done. Gives what was found.
 */
export async function checkLoaded(
  storage: Storage,
  stored: StoredState,
  before: Model,
  doing: Model,
): Promise<Model> {
  const number = Number(stored.state?.saveNumber ?? 0n);
  expect([before.number, doing.number]).toContain(number);
  const saved = number === before.number ? before : doing;
  const firstSeq = stored.firstSeq ?? 1;
  expect([before.firstSeq, doing.firstSeq]).toContain(firstSeq);
  if (number > 0) expect(stored.state).toEqual(makeSave(number, saved.aru, []).state);
  // Of equal runs the last one counts.
  const runs = saved.runs.filter(
    (run, i) => !saved.runs.slice(i + 1).some((later) => isEqualRun(run, later)),
  );
  const above = runs.filter(({ seq, count }) => seq + count > saved.aru + 1);
  expect(stored.runs).toEqual(above.map(makeRun));
  const snapshots = await checkSnapshots(storage, stored, before, doing);
  const incoming = checkIncoming(stored, before, doing, Number(snapshots.at(-1)?.snapshot.seq ?? 0n));
  const found = { ...saved, number, firstSeq, snapshots };
  const model = incoming === undefined ? withoutIncoming(found) : { ...found, incoming };
  await checkLog(storage, model);
  return model;
}

export function withoutIncoming({ number, aru, runs, firstSeq, snapshots }: Model): Model {
  return { number, aru, runs, firstSeq, snapshots };
}

/** Reads the whole log. */
async function checkLog(storage: Storage, model: Model): Promise<void> {
  const { firstSeq, aru } = model;
  const read = await storage.read(firstSeq, aru, Number.MAX_SAFE_INTEGER);
  const expected = Array.from({ length: Math.max(0, aru - firstSeq + 1) }, (_, i) =>
    valueAt(model, firstSeq + i),
  );
  expect({ firstSeq: read.firstSeq, updates: texts(read.updates) }).toEqual({ firstSeq, updates: expected });
}

async function checkSnapshots(
  storage: Storage,
  stored: StoredState,
  before: Model,
  doing: Model,
): Promise<readonly WholeSnapshot[]> {
  const found: WholeSnapshot[] = [];
  for (const snapshot of stored.snapshots ?? []) {
    const whole = [...before.snapshots, ...doing.snapshots].find((one) => one.snapshot.seq === snapshot.seq);
    expect(snapshot).toEqual(whole?.snapshot);
    if (whole === undefined) continue;
    expect(await readChunks(storage, snapshot, whole.chunks.length)).toEqual(whole.chunks);
    found.push(whole);
  }
  // Those that nobody has dropped, and the latest.
  for (const kept of before.snapshots.filter((one) => doing.snapshots.includes(one)))
    expect(found).toContain(kept);
  expect([before.snapshots.at(-1), doing.snapshots.at(-1)]).toContain(found.at(-1));
  return found;
}

function checkIncoming(
  { incoming }: StoredState,
  before: Model,
  doing: Model,
  latest: number,
): Model["incoming"] {
  const wanted = [before.incoming, doing.incoming].map((one) =>
    one !== undefined && Number(one.whole.snapshot.seq) > latest ? one : undefined,
  );
  const found = wanted.find(
    (one) => one?.whole.snapshot.origin === incoming?.snapshot.origin && one?.next === incoming?.next,
  );
  // While one takes the place of another, there is none for a moment.
  const isReplaced = before.incoming?.whole !== doing.incoming?.whole;
  const allowed = [...wanted, ...(isReplaced ? [undefined] : [])].map(
    (one) => one && { snapshot: one.whole.snapshot, next: one.next },
  );
  expect(allowed).toContainEqual(incoming);
  return found;
}
