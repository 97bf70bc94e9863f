// The loop around the core: does what `ready` says, as soon as it may be done. See the core's README for the
// rules.
import {
  RequestError,
  Sessions,
  type Clock,
  type Execution,
  type Node,
  type OrderedUpdate,
  type ReadRequest,
  type Ready,
  type Save,
  type SessionBounds,
  type StateMachine,
  type Storage,
  type Transport,
  type UpdateRequest,
} from "@paxos/core";
import type { Message } from "@paxos/proto";
import { SeqSet } from "./seq-set.js";
import { Waiters, type Outcome } from "./waiters.js";

/** What the driver drives, and through what. */
export interface DriverParts {
  readonly node: Node;
  readonly stateMachine: StateMachine;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Milliseconds between ticks. */
  readonly tickMs: number;
  /** Bounds of the table of sessions; those left out have their defaults. */
  readonly sessionBounds: Partial<SessionBounds>;
  /** Called once, when something has failed for good: the node must not go on. */
  onFailure(error: Error): void;
}

/** Feeds inputs to a node and carries out its outputs. Saves, sends and applies overlap. */
export class Driver {
  readonly #sessions: Sessions;
  readonly #parts: DriverParts;
  readonly #waiters = new Waiters();
  readonly #onSaved = new Set<() => void>();
  readonly #onApplied = new Set<() => void>();
  readonly #onTick = new Set<() => void>();
  /** Seqs of updates that were ordered and not executed: not again, or not any more. */
  readonly #repeated = new SeqSet();
  #stopTicking: () => void = () => undefined;
  #wrongSender = 0;
  #scheduled = false;
  #stopped = false;
  /** Work of storage that is under way, so that closing can wait for it. */
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: DriverParts) {
    this.#parts = parts;
    this.#sessions = new Sessions(parts.sessionBounds);
  }

  start(): void {
    // A refusal or a failed save may have come while the transport was starting.
    if (this.#stopped) return;
    const { clock, tickMs, node } = this.#parts;
    this.#stopTicking = clock.every(tickMs, () => {
      this.#input(() => node.tick());
      wake(this.#onTick);
    });
    this.#schedule();
  }

  /** A message from a peer whose identity the transport has checked. */
  receive(from: number, message: Message): void {
    if (message.from !== BigInt(from)) {
      this.#wrongSender++;
      return;
    }
    this.#input(() => this.#parts.node.step(message));
  }

  /** Takes an update and waits until it is executed here. Rejects with a {@link RequestError}. */
  async submit(request: UpdateRequest, signal?: AbortSignal): Promise<Outcome> {
    const { clientId, timestamp } = request;
    const cancelled = () => {
      return new RequestError(
        "cancelled",
        "the caller gave up waiting; the update may be ordered all the same",
      );
    };
    if (signal?.aborted === true) throw cancelled();
    if (this.#stopped) throw closing();
    const known = this.#sessions.find(request);
    if (known?.kind === "duplicate") return { seq: known.seq, result: known.result, duplicate: true };
    if (known?.kind === "expired") throw expired(clientId, timestamp);
    const result = this.#input(() => this.#parts.node.propose(request));
    if (result === undefined) throw closing();
    if (result !== "queued") throw refused(result);
    return this.#waiters.wait(clientId, timestamp, signal, cancelled);
  }

  /** Resolves after the next save that is durable, or when the driver stops. */
  nextSave(signal: AbortSignal): Promise<void> {
    return this.#next(this.#onSaved, signal);
  }

  /** Resolves after updates have been applied, or when the driver stops. */
  nextApplied(signal: AbortSignal): Promise<void> {
    return this.#next(this.#onApplied, signal);
  }

  /** Resolves at the next tick, or when the driver stops. */
  nextTick(signal?: AbortSignal): Promise<void> {
    return this.#next(this.#onTick, signal);
  }

  /** How often something was ignored here, by name. */
  counters(): Readonly<Record<string, number>> {
    return { wrong_sender: this.#wrongSender };
  }

  /** Whether the update at this seq had been executed before, at a lower one, and was not executed again. */
  isRepeated(seq: number): boolean {
    return this.#repeated.has(seq);
  }

  /** Stops for good. Resolves when no save is under way. */
  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#stopTicking();
      this.#waiters.rejectAll(closing);
      wake(this.#onSaved);
      wake(this.#onApplied);
      wake(this.#onTick);
    }
    await this.#saving;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  // Inputs of one turn of the event loop are taken together, so that they share a Proposal, a save and a
  // frame.
  #input<T>(input: () => T): T | undefined {
    if (this.#stopped) return undefined;
    try {
      const result = input();
      this.#schedule();
      return result;
    } catch (error) {
      // Wrong input of a caller is the caller's fault.
      if (error instanceof RequestError) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#parts.clock.soon(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    try {
      for (;;) {
        if (this.#stopped) return;
        const ready = this.#parts.node.ready();
        if (ready === undefined) return;
        this.#carryOut(ready);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #carryOut(ready: Ready): void {
    const { node, transport } = this.#parts;
    for (const message of ready.messages) transport.send(message);
    if (ready.save !== undefined) this.#saving = this.#save(ready.save);
    for (const { clientId, timestamp, code } of ready.refusals) {
      this.#waiters.reject(clientId, timestamp, () => refused(code));
    }
    for (const update of ready.orderedUpdates) this.#apply(update);
    const last = ready.orderedUpdates.at(-1);
    if (last !== undefined) {
      node.applied(last.seq);
      wake(this.#onApplied);
    }
    for (const read of ready.reads) void this.#read(read);
  }

  #apply(ordered: OrderedUpdate): void {
    if (ordered.noop) return;
    const { clientId, timestamp } = ordered;
    const { stateMachine } = this.#parts;
    const execution = this.#sessions.execute(ordered, (update, seq) => stateMachine.apply(update, seq));
    if (execution.kind !== "executed") this.#repeated.add(ordered.seq);
    this.#tell(clientId, timestamp, execution);
  }

  #tell(clientId: bigint, timestamp: bigint, execution: Execution): void {
    if (execution.kind === "expired")
      return this.#waiters.reject(clientId, timestamp, () => expired(clientId, timestamp));
    const { seq, result, kind } = execution;
    this.#waiters.resolve(clientId, timestamp, { seq, result, duplicate: kind === "duplicate" });
  }

  // Never rejects.
  async #save(save: Save): Promise<void> {
    const { storage, transport, node } = this.#parts;
    try {
      await storage.save(save);
      if (this.#stopped) return;
      for (const message of save.messages) transport.send(message);
      node.saved(save);
      wake(this.#onSaved);
    } catch (error) {
      return this.#fail(error);
    }
    this.#run();
  }

  // Never rejects.
  async #read(request: ReadRequest): Promise<void> {
    const { storage, node } = this.#parts;
    try {
      const stored = await storage.read(request.from, request.upTo, request.maxBytes);
      if (this.#stopped) return;
      node.answer(request, stored);
    } catch (error) {
      return this.#fail(error);
    }
    this.#run();
  }

  #next(listeners: Set<() => void>, signal?: AbortSignal): Promise<void> {
    if (this.#stopped || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        listeners.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      listeners.add(done);
      signal?.addEventListener("abort", done);
    });
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    void this.stop();
    this.#parts.onFailure(error instanceof Error ? error : new Error(String(error)));
  }
}

function wake(listeners: Set<() => void>): void {
  // A listener that is called removes itself.
  for (const listener of Array.from(listeners)) listener();
}

function closing(): RequestError {
  return new RequestError("unavailable", "this node is closing; try another one");
}

function refused(code: "busy" | "too_large" | "unavailable"): RequestError {
  return new RequestError(code, refusals[code]);
}

const refusals = {
  busy: "too many updates are waiting; try again later",
  too_large: "the update exceeds the size limit",
  unavailable: "the leader takes no updates of this size; another one may have taken it before",
};

function expired(clientId: bigint, timestamp: bigint): RequestError {
  return new RequestError(
    "expired",
    `update ${timestamp} of client ${clientId} was not executed now: its session is forgotten, or remembers only later ones; whether it was executed before is not known`,
  );
}
