// Reads on their way: those of this node, what a leader is asked, and what it is granted.
import { Deque } from "./deque.js";

/**
 * The reads that this node was asked for. All those of one turn share a number, and with it a question to the leader: what the leader
 * answers to one number holds for all lower ones, which were asked for earlier.
 */
export class ReadQueue {
  /** The number that reads have which are asked for now; and whether there are any. */
  open = 1;
  wanted = false;
  /** The number up to which they have been handed out to be served. */
  served = 0;
  /** The question that was sent last: in which epoch and view, to whom, and when. */
  asked:
    | { readonly epoch: number; readonly view: number; readonly number: number; readonly tick: number }
    | undefined;
  /** The greatest number answered. */
  answered = 0;
  /** Answers that wait for their seq to be applied. Numbers and seqs ascend. */
  #answers: { readonly number: number; readonly seq: number }[] = [];

  /** The reads up to this number may be served once everything up to this seq is applied. */
  answer(number: number, seq: number): void {
    if (number <= this.served) return;
    this.answered = Math.max(this.answered, number);
    // Lower numbers need not wait for more, nor higher ones for less: those of an earlier leader may wait for what is never ordered.
    if (this.#answers.some((known) => known.number >= number && known.seq <= seq)) return;
    this.#answers = this.#answers.filter((known) => known.number > number || known.seq < seq);
    this.#answers.push({ number, seq });
    this.#answers.sort((a, b) => a.number - b.number);
  }

  /** The number up to which reads may be served now; undefined when there are no more than before. */
  take(applied: number): number | undefined {
    let due = 0;
    while (due < this.#answers.length && (this.#answers[due] as { seq: number }).seq <= applied) due++;
    const last = this.#answers[due - 1];
    if (last === undefined) return undefined;
    this.#answers.splice(0, due);
    this.served = last.number;
    return last.number;
  }
}

/** The last question of a node, which stands for those before. */
export interface ReadQuestion {
  readonly incarnation: bigint;
  readonly number: number;
}

interface Round {
  readonly round: number;
  /** What was proposed when it began. */
  readonly seq: number;
  readonly questions: ReadonlyMap<number, ReadQuestion>;
}

/** The rounds of a leader, in its view. */
export class ReadRounds {
  /** The last round begun. */
  last = 0;
  readonly underWay = new Deque<Round>();
  /** Of each voter the last round that it has confirmed. */
  readonly confirmed = new Map<number, number>();

  /** Of each voter the last round with whose answer it has granted a lease. */
  readonly granted = new Map<number, number>();
  /** When the rounds began that no accept quorum has granted a lease for yet. */
  readonly begun = new Deque<{ readonly round: number; readonly atMs: number }>();
  /** When the last round began for which one has. */
  leasedFromMs = -Infinity;
  /** Whether a round is due although nobody asks: the lease is to last. */
  renew = true;
}

/** What a voter has granted. */
export interface Lease {
  /** The view of the leader that has it; undefined after a restart, when that is not known any more. */
  readonly view: number | undefined;
  /** The tick from which it is over. */
  readonly until: number;
}

/** A voter that was restarted may have granted one, and waits for its end. One whose storage is new, or which is alone, has not. */
export function leaseAfterRestart(leaseTicks: number, isNew: boolean): Lease | undefined {
  return leaseTicks === 0 || isNew ? undefined : { view: undefined, until: leaseTicks + 1 };
}
