import { frameTargetBytes, oncePerTurn } from "@paxos/transport-kit";

/** Gathers small things that are said within one turn of the event loop, so that they share frames. */
export class Gathered<T> {
  #items: T[] = [];
  #bytes = 0;
  readonly #flushSoon = oncePerTurn(() => this.flush());

  constructor(private readonly send: (items: readonly T[]) => void) {}

  /** Says it at the end of the turn, behind what was added before. `bytes`: about what it takes up in a frame. */
  add(item: T, bytes: number): void {
    if (this.#items.length > 0 && this.#bytes + bytes > frameTargetBytes) this.flush();
    this.#items.push(item);
    this.#bytes += bytes;
    this.#flushSoon();
  }

  /** Says at once what was added. */
  flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.send(items);
  }
}
