import type { EpochRecord, Proposal } from "@paxos/proto";
import { Deque } from "./deque.js";
import { invariant } from "./errors.js";

/** Consecutive updates bound to seqs in one view. */
export interface Run {
  readonly view: number;
  /** The seq of the first update. */
  readonly seq: number;
  /** The seq of the last update. */
  readonly end: number;
  /** Encoded ClientUpdates. */
  readonly updates: readonly Uint8Array[];
  /** The sum of the updates' sizes. */
  readonly bytes: number;
  /** The message the run came in: sent, stored and replayed as the same bytes. */
  readonly proposal: Proposal;
  /** What its last update says, when that is a stop sign. */
  readonly stopSign?: EpochRecord | undefined;
}

/** What a node has accepted at one seq: the view and the value. */
export interface Acceptance {
  readonly seq: number;
  readonly view: number;
  readonly update: Uint8Array;
}

/** Ordered updates for seq, seq + 1, and so on. */
export interface OrderedRun {
  readonly seq: number;
  readonly updates: readonly Uint8Array[];
  /** The sum of the updates' sizes. */
  readonly bytes: number;
  /** What the last update says, when that is a stop sign. */
  readonly stopSign?: EpochRecord | undefined;
}

/** Over these nothing is taken in. The bounds keep a PrepareOK within one frame. */
export interface HistoryBounds {
  /** Nothing is accepted more than this many seqs above the ARU: two windows. */
  readonly updates: number;
  /** Nor, but for the very next run, when more bytes than this are accepted above the ARU: two windows. */
  readonly bytes: number;
}

/** What became of a run that was received. */
export type Receipt =
  /** It was accepted, and with it perhaps runs that had come early. */
  | { readonly kind: "accepted"; readonly runs: readonly Run[] }
  /** It had been accepted before. */
  | { readonly kind: "known" }
  /** It leaves a gap behind it; it is kept until the gap is closed. */
  | { readonly kind: "early" }
  /** It lies beyond the bounds, or behind a stop sign (safety rule 7), and was dropped. */
  | { readonly kind: "beyond" };

/**
 * seq -> view, value: everything a node has accepted above its ARU, in memory.
 *
 * Runs of the promised view are accepted without gaps (safety rule 3) and stand in a queue, so that accepting
 * and ordering cost the same per run however many are in flight. Acceptances of lower views, which count
 * until they are accepted anew, stand in a table by seq; it is filled at view changes only.
 */
export class History {
  #view: number;
  #aru: number;
  #accepted = 0;
  #runs = new Deque<Run>();
  #early: Run[] = [];
  #earlyBytes = 0;
  #older = new Map<number, Acceptance>();
  #runBytes = 0;
  #olderBytes = 0;
  /** The seq of the stop sign accepted in the promised view. */
  #stopSignAt: number | undefined;

  constructor(
    view: number,
    aru: number,
    private readonly bounds: HistoryBounds,
  ) {
    this.#view = view;
    this.#aru = aru;
  }

  /** Every seq up to here is known as ordered. */
  get aru(): number {
    return this.#aru;
  }

  /** The last seq accepted in the promised view; 0 when none was. May lie below the ARU. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The bytes of the runs of the promised view that reach above the ARU. */
  get inFlightBytes(): number {
    return this.#runBytes;
  }

  /** The last seq above the ARU accepted in any view; the ARU when there is none. */
  get last(): number {
    let last = Math.max(this.#aru, this.#accepted);
    for (const seq of this.#older.keys()) last = Math.max(last, seq);
    return last;
  }

  /** Begins a higher view. What was accepted stays so; what came early in the old view is forgotten. */
  startView(view: number): void {
    invariant(view > this.#view, `view ${view} begins after ${this.#view}`);
    this.restore(this.#runs);
    this.#runs.clear();
    this.#runBytes = 0;
    this.#early = [];
    this.#earlyBytes = 0;
    this.#accepted = 0;
    this.#stopSignAt = undefined;
    this.#view = view;
  }

  /** Begins an epoch in its first view. What is accepted and not ordered belongs to the one that has ended (safety rule 7). */
  startEpoch(view: number): void {
    this.#runs.clear();
    this.#older.clear();
    this.#early = [];
    this.#runBytes = this.#olderBytes = this.#earlyBytes = 0;
    this.#accepted = 0;
    this.#stopSignAt = undefined;
    this.#view = view;
  }

  /**
   * Takes updates above the ARU as accepted in their runs' views; where a higher view is known already, that
   * stays.
   */
  restore(runs: Iterable<Pick<Run, "seq" | "view" | "updates">>): void {
    for (const run of runs) {
      run.updates.forEach((update, i) => {
        const seq = run.seq + i;
        const known = this.#older.get(seq);
        if (seq > this.#aru && (known === undefined || known.view < run.view)) {
          this.#older.set(seq, { seq, view: run.view, update });
        }
      });
    }
    this.#olderBytes = 0;
    for (const { update } of this.#older.values()) this.#olderBytes += update.length;
  }

  /** Takes a run of the promised view. */
  receive(run: Run): Receipt {
    invariant(run.view === this.#view, `run of view ${run.view} received in view ${this.#view}`);
    if (run.end <= this.#accepted) return { kind: "known" };
    if (this.#isBehindStopSign(run)) return { kind: "beyond" };
    if (run.seq > this.#contiguous() + 1) return this.#keepEarly(run);
    if (!this.#fits(run)) return { kind: "beyond" };
    const runs = [run];
    this.#accept(run);
    return { kind: "accepted", runs: runs.concat(this.acceptEarly()) };
  }

  /** Takes a run of the leader itself. Its window bounds it, not the acceptors' bounds. */
  receiveOwn(run: Run): void {
    invariant(
      run.view === this.#view && run.seq === this.#contiguous() + 1,
      `own run at seq ${run.seq} follows`,
    );
    this.#accept(run);
  }

  /** Accepts the runs that had come early and follow now without a gap. */
  acceptEarly(): Run[] {
    const runs: Run[] = [];
    for (;;) {
      const run = this.#early[0];
      if (run === undefined || run.seq > this.#contiguous() + 1 || this.#isBehindStopSign(run)) return runs;
      if (run.end > this.#accepted && !this.#fits(run)) return runs;
      this.#early.shift();
      this.#earlyBytes -= run.bytes;
      if (run.end <= this.#accepted) continue;
      this.#accept(run);
      runs.push(run);
    }
  }

  /** Moves the ARU to `seq`, over runs accepted in the promised view, and gives the updates passed over. */
  order(seq: number): OrderedRun[] {
    invariant(seq <= this.#accepted, `seq ${seq} ordered, accepted only up to ${this.#accepted}`);
    const ordered: OrderedRun[] = [];
    for (let i = 0; this.#aru < seq; i++) {
      const run = this.#runs.at(i);
      invariant(
        run !== undefined && run.seq <= this.#aru + 1,
        `seq ${this.#aru + 1} is ordered but not held`,
      );
      if (run.end <= this.#aru) continue;
      ordered.push(part(run, this.#aru + 1, Math.min(run.end, seq)));
      this.#setAru(Math.min(run.end, seq));
    }
    this.#drop();
    return ordered;
  }

  /**
   * Moves the ARU over updates learnt as ordered, and gives those that were new. They begin at the ARU + 1 or
   * below.
   */
  learn(seq: number, updates: readonly Uint8Array[]): OrderedRun | undefined {
    invariant(seq <= this.#aru + 1, `learnt seq ${seq}, the ARU is ${this.#aru}`);
    const end = seq + updates.length - 1;
    if (end <= this.#aru) return undefined;
    const news = updates.slice(this.#aru + 1 - seq);
    const learnt = { seq: this.#aru + 1, updates: news, bytes: sizeOf(news) };
    this.#setAru(end);
    this.#drop();
    return learnt;
  }

  /** Moves the ARU to `seq`: whatever stands below is in a snapshot. */
  install(seq: number): void {
    invariant(seq > this.#aru, `snapshot at seq ${seq} installed, the ARU is ${this.#aru}`);
    this.#setAru(seq);
    this.#drop();
  }

  /** Everything accepted above `seq` (and above the ARU), whatever the view, in the order of the seqs. */
  acceptedAbove(seq: number): Acceptance[] {
    const above: Acceptance[] = [];
    for (const acceptance of this.#older.values()) {
      if (acceptance.seq > seq) above.push(acceptance);
    }
    for (const run of this.#runs) {
      for (let n = Math.max(run.seq, this.#aru + 1, seq + 1); n <= run.end; n++) {
        above.push({ seq: n, view: run.view, update: run.updates[n - run.seq] as Uint8Array });
      }
    }
    return above.sort((a, b) => a.seq - b.seq);
  }

  /** The runs of the promised view that reach above `seq` and the ARU. */
  *runsAbove(seq: number): Iterable<Run> {
    for (const run of this.#runs) if (run.end > seq) yield run;
  }

  #isBehindStopSign({ end }: Run): boolean {
    return this.#stopSignAt !== undefined && end > this.#stopSignAt;
  }

  #contiguous(): number {
    return Math.max(this.#aru, this.#accepted);
  }

  #fits(run: Run): boolean {
    if (run.seq <= this.#aru + 1) return true;
    const bytes = this.#runBytes + this.#olderBytes - this.#olderBytesIn(run) + run.bytes;
    return run.end <= this.#aru + this.bounds.updates && bytes <= this.bounds.bytes;
  }

  #olderBytesIn({ seq, end }: { seq: number; end: number }): number {
    let bytes = 0;
    if (this.#older.size > 0)
      for (let n = seq; n <= end; n++) bytes += this.#older.get(n)?.update.length ?? 0;
    return bytes;
  }

  #forgetOlder({ seq, end }: { seq: number; end: number }): void {
    // A snapshot passes over any number of seqs.
    const seqs = end - seq < this.#older.size ? range(seq, end) : [...this.#older.keys()];
    for (const n of seqs) {
      if (n < seq || n > end) continue;
      this.#olderBytes -= this.#older.get(n)?.update.length ?? 0;
      this.#older.delete(n);
    }
  }

  #accept(run: Run): void {
    this.#accepted = run.end;
    if (run.stopSign !== undefined) this.#stopSignAt = run.end;
    if (run.end <= this.#aru) return;
    this.#runs.push(run);
    this.#runBytes += run.bytes;
    this.#forgetOlder(run);
  }

  #keepEarly(run: Run): Receipt {
    const beyond =
      run.end > this.#aru + this.bounds.updates || this.#earlyBytes + run.bytes > this.bounds.bytes;
    if (beyond) return { kind: "beyond" };
    let at = this.#early.length;
    while (at > 0 && (this.#early[at - 1] as Run).seq > run.seq) at--;
    if (this.#early[at - 1]?.seq !== run.seq) {
      this.#early.splice(at, 0, run);
      this.#earlyBytes += run.bytes;
    }
    return { kind: "early" };
  }

  #setAru(seq: number): void {
    this.#forgetOlder({ seq: this.#aru + 1, end: seq });
    this.#aru = seq;
  }

  #drop(): void {
    for (;;) {
      const run = this.#runs.at(0);
      if (run === undefined || run.end > this.#aru) return;
      this.#runs.shift();
      this.#runBytes -= run.bytes;
    }
  }
}

/** From one seq of a run to another. Mostly that is all of it. */
function part(run: Run, from: number, end: number): OrderedRun {
  if (from === run.seq && end === run.end) return run;
  const updates = run.updates.slice(from - run.seq, end + 1 - run.seq);
  return {
    seq: from,
    updates,
    bytes: sizeOf(updates),
    stopSign: end === run.end ? run.stopSign : undefined,
  };
}

/** The sum of the updates' sizes. */
export function sizeOf(updates: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const update of updates) bytes += update.length;
  return bytes;
}

function* range(seq: number, end: number): Iterable<number> {
  for (let n = seq; n <= end; n++) yield n;
}
