// What has changed of late: watchers that were away are told it. Part of the state, so that any server can tell.

/** What became of a key. */
export type Change =
  | { readonly key: string; readonly value: string }
  | { readonly key: string; readonly gone: "deleted" | "expired" };

/** What one command has changed. It is told as a whole: its seq says that everything up to there is known. */
export interface Revision {
  readonly seq: number;
  readonly changes: readonly Change[];
}

/** The most changes that are kept, and the most characters of their keys and values. */
const MAX_CHANGES = 10_000;
const MAX_CHARACTERS = 16 * 1024 * 1024;

export class History {
  #revisions: Revision[] = [];
  #changes = 0;
  #characters = 0;
  #forgotten = 0;

  /** The seq of the last change that is kept no more; 0 when all are. Behind it, nothing is missing. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Seqs rise. */
  add(revision: Revision): void {
    if (revision.changes.length === 0) return;
    this.#revisions.push(revision);
    this.#changes += revision.changes.length;
    this.#characters += charactersOf(revision);
    while (this.#changes > MAX_CHANGES || this.#characters > MAX_CHARACTERS) {
      const oldest = this.#revisions.shift();
      if (oldest === undefined) return;
      this.#changes -= oldest.changes.length;
      this.#characters -= charactersOf(oldest);
      this.#forgotten = oldest.seq;
    }
  }

  /** The first so many revisions behind this seq, which must not be before `forgotten`. */
  after(seq: number, limit: number): Revision[] {
    let [low, high] = [0, this.#revisions.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#revisions[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return this.#revisions.slice(low, low + limit);
  }

  all(): { readonly forgotten: number; readonly revisions: readonly Revision[] } {
    return { forgotten: this.#forgotten, revisions: [...this.#revisions] };
  }

  restore({ forgotten, revisions }: ReturnType<History["all"]>): void {
    this.#forgotten = forgotten;
    for (const revision of revisions) this.add(revision);
  }
}

function charactersOf({ changes }: Revision): number {
  return changes.reduce(
    (sum, change) => sum + change.key.length + ("value" in change ? change.value.length : 0),
    0,
  );
}
