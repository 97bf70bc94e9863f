// Several clients that share a number of updates, each with one of them under way at a time.
import type { Acknowledged, Submitter } from "./client.js";
import { DemoError } from "./demo-error.js";

type Condition = (update: Acknowledged, count: number) => boolean;

export class Load {
  readonly acknowledged: Acknowledged[] = [];
  readonly #waiting = new Set<{ condition: Condition; resolve: (update: Acknowledged) => void }>();
  /** Resolves when all updates are acknowledged. */
  readonly done: Promise<void>;

  constructor(clients: readonly Submitter[], total: number, signal: AbortSignal) {
    let next = 1;
    const work = async (client: Submitter, index: number): Promise<void> => {
      while (next <= total) {
        const text = `#${next++} client ${index + 1}`;
        this.#note(await client.submit(text, signal));
      }
    };
    this.done = Promise.all(clients.map(work)).then(() => undefined);
    // Looked at later too; until then a failure is nobody's surprise.
    this.done.catch(() => undefined);
  }

  /** The first update, from now on, at whose acknowledgement the condition holds. Rejects when there is none. */
  async next(condition: Condition): Promise<Acknowledged> {
    const found = new Promise<Acknowledged>((resolve) => this.#waiting.add({ condition, resolve }));
    const end = this.done.then(() => {
      throw new DemoError("the updates were over before anything could be tried out");
    });
    return Promise.race([found, end]);
  }

  #note(update: Acknowledged): void {
    this.acknowledged.push(update);
    for (const waiting of this.#waiting) {
      if (!waiting.condition(update, this.acknowledged.length)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(update);
    }
  }
}
