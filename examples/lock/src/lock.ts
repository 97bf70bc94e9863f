// A lock that is held: it renews itself, and knows until when it is certain to be held.
import { SubmitError } from "@paxos/client";
import { RequestError } from "@paxos/core";
import type { Connection, MachineClient } from "@paxos/machine";
import { pause, within, type ClientClock } from "./clock.js";
import type { locks } from "./locks.js";

export type LocksMachine = MachineClient<
  (typeof locks)["commands"],
  (typeof locks)["queries"],
  Parameters<Connection["submit"]>[1],
  Parameters<Connection["read"]>[1]
>;

/** What is a lock's own trouble; `code` says which. */
export class LockError extends Error {
  override readonly name = "LockError";
  constructor(
    readonly code: "lost" | "released" | "full",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether a request that failed so may do better later. What became of it may be unknown: all requests here can be made again. */
export function mayPass(error: unknown): boolean {
  const known = error instanceof SubmitError || error instanceof RequestError;
  return known && ["busy", "unavailable", "timed_out", "expired"].includes(error.code);
}

export interface Tenure {
  readonly name: string;
  readonly owner: string;
  readonly token: number;
  readonly ttlMs: number;
  /** When the command that acquired it was sent, by the monotonic clock. */
  readonly askedAt: number;
}

const RETRY_MS = 100;

/** For how long a lease is relied on from when it was asked for: less than it lasts, as clocks do not go alike. */
export const reliedOnMs = (ttlMs: number): number => ttlMs * 0.9;

export class Lock {
  readonly name: string;
  readonly owner: string;
  /** The fencing token. Give it to whatever the lock protects, which must refuse lower ones than it has seen. */
  readonly token: number;
  /**
   * Aborted, with a {@link LockError}, when the lock was lost or released, and when nobody has confirmed in time that it is still held. A process that was
   * stopped or starved for a while learns that late; the fencing token protects against that, nothing else does.
   */
  readonly signal: AbortSignal;
  readonly #ended = new AbortController();
  #validUntil: number;
  #cancelExpiry: () => void = () => undefined;
  #released: Promise<void> | undefined;

  constructor(
    private readonly machine: LocksMachine,
    private readonly clock: ClientClock,
    private readonly tenure: Tenure,
  ) {
    ({ name: this.name, owner: this.owner, token: this.token } = tenure);
    this.signal = this.#ended.signal;
    this.#validUntil = this.#confirmed(tenure.askedAt);
    void this.#renew();
  }

  /** Whether it is certain to be held now, as far as clocks go alike. */
  get held(): boolean {
    return !this.signal.aborted && this.clock.monotonic() < this.#validUntil;
  }

  /** Gives it up. Resolves when that is done, or it has expired by then anyway; never rejects. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  /** The same as {@link release}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #release(): Promise<void> {
    const left = this.#validUntil - this.clock.monotonic();
    if (this.signal.aborted) return;
    this.#end(new LockError("released", `${this.name} was released`));
    const { name, owner, token } = this;
    // No answer, and it expires by itself.
    await within(this.clock, left, undefined, (signal) =>
      this.machine.release({ name, owner, token, now: this.clock.wall() }, { signal }),
    ).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const { name, owner, token, clock } = this;
    const { ttlMs } = this.tenure;
    let dueAt = this.tenure.askedAt + ttlMs / 3;
    for (;;) {
      await pause(clock, Math.max(0, dueAt - clock.monotonic()), this.signal);
      if (this.signal.aborted) return;
      // From before it is sent: the lease that it brings cannot have begun earlier.
      const askedAt = clock.monotonic();
      try {
        const input = { name, owner, token, ttlMs, now: clock.wall() };
        // Until it is lost: whoever is asked tries one server after the other by itself.
        const { result } = await this.machine.renew(input, { signal: this.signal });
        if (this.signal.aborted) return;
        if (result.kind === "lost") return this.#lose("somebody else may have it by now");
        this.#validUntil = this.#confirmed(askedAt);
        dueAt = askedAt + ttlMs / 3;
      } catch (error) {
        if (!mayPass(error)) return this.#lose("it cannot be renewed", error);
        dueAt = clock.monotonic() + RETRY_MS;
      }
    }
  }

  /** The state machine has prolonged the lease after this time. Returns until when that holds. */
  #confirmed(askedAt: number): number {
    const validUntil = askedAt + reliedOnMs(this.tenure.ttlMs);
    this.#cancelExpiry();
    this.#cancelExpiry = this.clock.after(Math.max(0, validUntil - this.clock.monotonic()), () =>
      this.#lose("no renewal was confirmed in time"),
    );
    return validUntil;
  }

  #lose(why: string, cause?: unknown): void {
    if (this.signal.aborted) return;
    this.#end(new LockError("lost", `${this.name} (token ${this.token}) was lost: ${why}`, { cause }));
  }

  #end(reason: LockError): void {
    this.#cancelExpiry();
    this.#ended.abort(reason);
  }
}
