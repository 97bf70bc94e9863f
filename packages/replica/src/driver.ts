// The loop around the core: does what `ready` says, as soon as it may be done. See the core's README for the
// rules.
import {
  nextEpochIn,
  RequestError,
  type Clock,
  type Logger,
  type Node,
  type OrderedUpdate,
  type Ready,
  type Save,
  type SessionBounds,
  type StateMachine,
  type Storage,
  type Transport,
  type UpdateRequest,
} from "@paxos/core";
import type { EpochRecord, Message, Snapshot } from "@paxos/proto";
import { cancelled, cannotSave, closing, refused, skipped } from "./refusals.js";
import { restoreSnapshot } from "./restore-snapshot.js";
import type { RestoredTables } from "./snapshot-content.js";
import type { SnapshotPolicy } from "./snapshot-policy.js";
import { LeaderRequests } from "./leader-requests.js";
import { Queries } from "./queries.js";
import { Snapshots } from "./snapshots.js";
import { StorageDuties } from "./storage-duties.js";
import { submission, type Outcome } from "./submission.js";
import { Updates } from "./updates.js";
import { Wakeups } from "./wakeups.js";

/** What the driver drives, and through what. */
export interface DriverParts {
  readonly node: Node;
  readonly stateMachine: StateMachine;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Milliseconds between ticks. */
  readonly tickMs: number;
  readonly nodeId: number;
  /** Not known to clients. */
  readonly seed: number;
  readonly logger: Logger;
  /** Bounds of the table of sessions; those left out have their defaults. */
  readonly sessionBounds: Partial<SessionBounds>;
  readonly snapshotPolicy: SnapshotPolicy;
  /** The tables as they stand at the start, and the first seq of the log. */
  readonly tables: RestoredTables;
  readonly firstSeq: number;
  /** The membership at the seq with which the state machine starts; undefined when that is not known. */
  readonly recordAtStart: EpochRecord | undefined;
  /** Milliseconds after which a save that has not ended counts as failed; 0: never. */
  readonly saveTimeoutMs: number;
  /** Called once, when the node was removed from the cluster and nobody needs it any more. */
  onRetired(): void;
  /** Called once, when storage has failed: the node promises nothing any more, but lives. */
  onStorageFailed(error: Error): void;
  /** Called once, when something has failed for good: the node must not go on. */
  onFailure(error: Error): void;
}

/** Feeds inputs to a node and carries out its outputs. Saves, sends and applies overlap. */
export class Driver {
  readonly snapshots: Snapshots;
  readonly leader: LeaderRequests;
  readonly queries: Queries;
  readonly updates: Updates;
  readonly #parts: DriverParts;
  readonly #duties: StorageDuties;
  readonly #saved = new Wakeups();
  readonly #applied = new Wakeups();
  readonly #ticked = new Wakeups();
  /** Woken when inputs have been dealt with. */
  readonly #moved = new Wakeups();
  /** Which updates have been executed; and the seqs of those that were ordered and not executed. */
  #tables: RestoredTables;
  /** The membership at the seq that was applied last: what a snapshot of now says. */
  #record: EpochRecord | undefined;
  #retired = false;
  #stopTicking: () => void = () => undefined;
  #wrongSender = 0;
  #scheduled = false;
  #stopped = false;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    this.#tables = parts.tables;
    this.#record = parts.recordAtStart;
    this.updates = new Updates(parts.seed, {
      propose: (request) => this.#input(() => parts.node.propose(request)),
      sessions: () => this.#tables.sessions,
      refusal: () => {
        if (this.#stopped) return closing();
        return this.storageError && cannotSave(this.storageError);
      },
    });
    this.leader = new LeaderRequests({
      ...parts,
      input: (input) => this.#input(input),
      nextMove: (signal) => this.#moved.next(signal),
      stopped: () => this.#stopped,
    });
    this.queries = new Queries({ ...parts, input: (input) => this.#input(input) });
    this.#duties = new StorageDuties({
      ...parts,
      tell: (news) => this.#tellNode(news),
      makeWay: () => this.snapshots.yield(),
      onSaved: (save) => this.#onSaved(save),
      onFailed: (error) => this.#onStorageFailed(error),
      onBroken: (error) => this.#fail(error),
    });
    this.snapshots = new Snapshots(
      {
        ...parts,
        policy: parts.snapshotPolicy,
        tables: () => this.#tables,
        epochRecord: () => this.#record,
        nextSave: (signal) => this.nextSave(signal),
        onStorageFailed: (error) => this.#duties.fail(error),
      },
      parts.firstSeq,
    );
  }

  start(): void {
    // A refusal or a failed save may have come while the transport was starting.
    if (this.#stopped) return;
    const { clock, tickMs, node } = this.#parts;
    this.#stopTicking = clock.every(tickMs, () => {
      this.#input(() => node.tick());
      this.#duties.tick();
      this.snapshots.tick();
      this.#ticked.wake();
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
    if (signal?.aborted === true) throw cancelled();
    return submission(
      (caller) => this.updates.take(request, caller),
      (caller) => this.updates.leave(request, caller),
      signal,
    );
  }

  /** Resolves after the next save that is durable, or when the driver stops. */
  nextSave(signal?: AbortSignal): Promise<void> {
    return this.#saved.next(signal);
  }

  /** Resolves after updates have been applied, or when the driver stops. */
  nextApplied(signal: AbortSignal): Promise<void> {
    return this.#applied.next(signal);
  }

  /** Resolves at the next tick, or when the driver stops. */
  nextTick(signal?: AbortSignal): Promise<void> {
    return this.#ticked.next(signal);
  }

  /** How often something was ignored here, by name. */
  counters(): Readonly<Record<string, number>> {
    return { wrong_sender: this.#wrongSender };
  }

  /** Whether the update at this seq had been executed before, at a lower one, and was not executed again. */
  isRepeated(seq: number): boolean {
    return this.#tables.repeated.has(seq);
  }

  /** Stops for good. Resolves when no save is under way. */
  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#stopTicking();
      this.updates.failAll(closing);
      this.queries.rejectAll(closing);
      for (const wakeups of [this.#saved, this.#applied, this.#ticked, this.#moved]) wakeups.end();
    }
    // What has failed may hang for ever, and is not waited for.
    const stopped = this.snapshots.stop();
    if (this.storageError === undefined) await stopped;
    await this.#duties.atRest();
  }

  /** What storage has failed with; undefined as long as it has not. */
  get storageError(): Error | undefined {
    return this.#duties.error;
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
        const ready = this.#parts.node.ready(this.#parts.clock.now?.());
        if (ready === undefined) return this.#moved.wake();
        this.#carryOut(ready);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #carryOut(ready: Ready): void {
    const { node, transport } = this.#parts;
    if (ready.peers !== undefined) transport.setPeers(ready.peers);
    for (const message of ready.messages) transport.send(message);
    if (ready.save !== undefined) this.#duties.save(ready.save);
    for (const { clientId, timestamp, code } of ready.refusals) {
      this.updates.fail(clientId, timestamp, () => refused(code));
    }
    for (const update of ready.orderedUpdates) this.#apply(update);
    const last = ready.orderedUpdates.at(-1);
    if (last !== undefined) {
      node.applied(last.seq);
      this.snapshots.settled(last.seq);
      this.#applied.wake();
    }
    if (ready.readable !== undefined) this.queries.serve(ready.readable);
    this.queries.checkRemoved();
    for (const read of ready.reads) this.#duties.read(read);
    for (const request of ready.chunkReads) this.#duties.readChunk(request);
    for (const chunk of ready.chunkWrites) this.#duties.receiveChunk(chunk);
    if (ready.restore !== undefined) void this.#restore(ready.restore);
    if (node.retired && !this.#retired) {
      this.#retired = true;
      this.#parts.onRetired();
    }
  }

  #apply(ordered: OrderedUpdate): void {
    this.snapshots.applied(ordered.seq, ordered.update.length);
    if (ordered.noop) {
      this.#record = nextEpochIn(ordered) ?? this.#record;
      return;
    }
    const { clientId, timestamp } = ordered;
    const { stateMachine } = this.#parts;
    const { sessions, repeated } = this.#tables;
    // A cluster is founded without versions, and each epoch that brings one says so in the order itself.
    const { commandVersion = 0 } = this.#record ?? {};
    const execution = sessions.execute(ordered, (update, seq) =>
      stateMachine.apply(update, seq, commandVersion),
    );
    if (execution.kind !== "executed") repeated.add(ordered.seq);
    this.updates.tell(clientId, timestamp, execution);
  }

  #onSaved(save: Save): void {
    const { transport, node } = this.#parts;
    for (const message of save.messages) transport.send(message);
    node.saved(save);
    this.#saved.wake();
  }

  // Never rejects.
  async #restore(snapshot: Snapshot): Promise<void> {
    const { node } = this.#parts;
    const seq = Number(snapshot.seq);
    this.queries.restoring = true;
    let tables: RestoredTables;
    try {
      tables = await restoreSnapshot(snapshot, this.#parts);
    } catch (error) {
      return this.#fail(error);
    }
    this.#tellNode(() => {
      this.#tables = tables;
      this.#record = snapshot.epochRecord;
      // Their updates may be among those in the snapshot, and what became of them forgotten by now.
      this.updates.failAll(skipped);
      this.snapshots.resume(seq);
      this.queries.restoring = false;
      node.restored(seq);
      this.#applied.wake();
    });
  }

  #onStorageFailed(error: Error): void {
    if (this.#stopped) return;
    this.updates.failAll(() => cannotSave(error));
    this.queries.rejectAll(() => cannotSave(error));
    this.#tellNode(() => this.#parts.node.storageFailed());
    this.#parts.onStorageFailed(error);
  }

  #tellNode(news: () => void): void {
    if (this.#stopped) return;
    try {
      news();
    } catch (error) {
      return this.#fail(error);
    }
    this.#run();
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    void this.stop();
    this.#parts.onFailure(error instanceof Error ? error : new Error(String(error)));
  }
}
