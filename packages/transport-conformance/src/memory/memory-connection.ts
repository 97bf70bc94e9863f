import type { KeepAliveOptions } from "../options.js";
import type { Wire } from "./wire.js";

/**
 * One end of a connection. Frames arrive whole and in order, or not at all. An end learns that the other has closed
 * only if the wire lets it know; pings find out where it does not.
 */
export class MemoryConnection {
  readonly #inbox: { readonly frame: Uint8Array; readonly taken: () => void }[] = [];
  readonly #sends = new Set<() => void>();
  readonly #onClose: (() => void)[] = [];
  #reader: ((frame: Uint8Array | undefined) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closedBecause: string | undefined;
  private other: MemoryConnection | undefined;

  /** The two ends of a new connection. */
  static pair(
    [near, there]: readonly [string, Wire],
    [far, back]: readonly [string, Wire],
  ): [MemoryConnection, MemoryConnection] {
    const nearEnd = new MemoryConnection(far, there);
    const farEnd = new MemoryConnection(near, back);
    nearEnd.other = farEnd;
    farEnd.other = nearEnd;
    return [nearEnd, farEnd];
  }

  private constructor(
    /** The name of the other side. */
    readonly remote: string,
    private readonly out: Wire,
  ) {}

  /** Why it has ended; undefined while it is open. */
  get closedBecause(): string | undefined {
    return this.#closedBecause;
  }

  /** Calls `listener` once the connection has ended, at once if it has. */
  onClose(listener: () => void): void {
    if (this.#closedBecause === undefined) this.#onClose.push(listener);
    else listener();
  }

  /**
   * Sends a frame. Resolves when the other side has taken it, or when the connection has ended: a sender that waits
   * for this has one frame on the way and no more.
   */
  send(frame: Uint8Array): Promise<void> {
    if (this.#closedBecause !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#sends.add(resolve);
      const taken = (): void => {
        this.#sends.delete(resolve);
        resolve();
      };
      this.out.carry(() => this.other?.arrived(frame, taken));
    });
  }

  /** The next frame; undefined when there will be none. One caller at a time. */
  receive(): Promise<Uint8Array | undefined> {
    const next = this.#inbox.shift();
    if (next !== undefined) {
      this.out.carry(next.taken);
      return Promise.resolve(next.frame);
    }
    if (this.#closedBecause !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => (this.#reader = resolve));
  }

  /** Ends the connection. The other side still gets what was sent before, then learns the reason. */
  close(reason = "the connection was closed"): void {
    if (this.#closedBecause !== undefined) return;
    this.#inbox.length = 0;
    this.end(reason);
    this.out.carry(() => this.other?.end(reason));
  }

  /** Ends both ends at once, whatever is on the way. */
  break(reason: string): void {
    this.end(reason);
    this.other?.end(reason);
  }

  /** Pings the other side until the end, and closes when an answer does not come in time. */
  keepAlive({ intervalMs, timeoutMs }: KeepAliveOptions): void {
    const ping = (): void => {
      const onAnswer = (): void => {
        clearTimeout(this.#timer);
        this.#after(intervalMs, ping);
      };
      let answered = false;
      this.out.carry(() =>
        this.other?.answerPing(() => {
          answered = true;
          if (this.#closedBecause === undefined) onAnswer();
        }),
      );
      const giveUp = (): void => {
        if (!answered) this.close(`no answer to a ping within ${timeoutMs} ms`);
      };
      // After a stall of the event loop the answer is there, and only has to be read.
      this.#after(timeoutMs, () => setImmediate(() => setImmediate(() => setImmediate(giveUp))));
    };
    this.#after(intervalMs, ping);
  }

  private answerPing(onAnswer: () => void): void {
    if (this.#closedBecause === undefined) this.out.carry(onAnswer);
  }

  #after(ms: number, then: () => void): void {
    if (this.#closedBecause === undefined) this.#timer = setTimeout(then, ms);
  }

  private arrived(frame: Uint8Array, taken: () => void): void {
    if (this.#closedBecause !== undefined) return;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader === undefined) {
      this.#inbox.push({ frame, taken });
    } else {
      this.out.carry(taken);
      reader(frame);
    }
  }

  private end(reason: string): void {
    if (this.#closedBecause !== undefined) return;
    this.#closedBecause = reason;
    clearTimeout(this.#timer);
    for (const resolve of this.#sends) resolve();
    this.#sends.clear();
    this.#reader?.(undefined);
    for (const listener of this.#onClose.splice(0)) listener();
  }
}
