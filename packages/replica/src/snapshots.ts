// When snapshots are taken, and what they allow to be dropped.
import {
  RequestError,
  type Logger,
  type Node,
  type Sessions,
  type SnapshotId,
  type StateMachine,
  type Storage,
} from "@paxos/core";
import type { EpochRecord, Snapshot } from "@paxos/proto";
import { LogSizes } from "./log-sizes.js";
import type { SeqSet } from "./seq-set.js";
import { encodeContent, type SnapshotContent } from "./snapshot-content.js";
import type { SnapshotPolicy } from "./snapshot-policy.js";

/** What snapshots are taken of, and where they go. */
export interface SnapshotParts {
  readonly nodeId: number;
  readonly node: Node;
  readonly storage: Storage;
  readonly stateMachine: StateMachine;
  readonly policy: SnapshotPolicy;
  readonly logger: Logger;
  /** What goes into a snapshot besides the state. */
  tables(): { readonly sessions: Sessions; readonly repeated: SeqSet };
  /** The membership at the seq that was applied last; undefined when that is not known. */
  epochRecord(): EpochRecord | undefined;
  /** Resolves after the next save, when the signal is aborted, or when the driver stops. */
  nextSave(signal: AbortSignal): Promise<void>;
  /** Storage has failed. */
  onStorageFailed(error: unknown): void;
}

/** How often, in ticks, it is looked whether a peer still needs what was kept for it. */
const checkTicks = 1000;

/** So many snapshots are kept at most for backups under way. */
const mostHeld = 4;

/** What a log entry takes besides its update, about. */
const entryBytes = 32;

/** Takes snapshots by policy and on demand, one at a time, beside everything else; drops what they make superfluous. */
export class Snapshots {
  /** The first seq of the log. */
  firstSeq: number;
  readonly #parts: SnapshotParts;
  readonly #sizes = new LogSizes();
  /** Where the last snapshot stands, or the last that failed: policy counts from there. */
  #counted: { seq: number; bytes: number };
  #taking: Promise<Snapshot | undefined> | undefined;
  #compacting: Promise<void> | undefined;
  /** Aborted when the one being taken is to be given up. */
  #giveUp = new AbortController();
  #abandoned = false;
  #stopped = false;
  #ticks = 0;
  /** Snapshots that are being read for a backup, and how often. */
  readonly #read = new Map<Snapshot, number>();

  constructor(parts: SnapshotParts, firstSeq: number) {
    this.#parts = parts;
    this.firstSeq = firstSeq;
    this.#counted = { seq: Number(parts.node.status().snapshot?.seq ?? 0n), bytes: 0 };
  }

  /** An update of this size was applied. */
  applied(seq: number, bytes: number): void {
    this.#sizes.add(seq, bytes + entryBytes);
  }

  /** Everything up to `seq` is applied, and nothing more until the event loop turns: takes a snapshot if one is due. */
  settled(seq: number): void {
    if (this.#taking !== undefined || this.#stopped || this.#abandoned || !this.#due(seq)) return;
    this.#take(seq).catch(() => undefined);
  }

  tick(): void {
    if (++this.#ticks % checkTicks === 0) this.#compact();
  }

  /**
   * Takes a snapshot of what is applied now, or of more, and drops what it makes superfluous. Rejects with a
   * RequestError.
   */
  async take(): Promise<Snapshot> {
    const snapshot = await this.#takeNow();
    this.#compact();
    await this.#compacting;
    return snapshot;
  }

  async #takeNow(): Promise<Snapshot> {
    const { node, stateMachine } = this.#parts;
    if (stateMachine.snapshot === undefined) {
      throw new RequestError("invalid", "this node's state machine gives no snapshots");
    }
    const asked = node.status().applied;
    for (;;) {
      await this.#taking?.catch(() => undefined);
      if (this.#taking !== undefined) continue;
      const { applied, snapshot, receiving, storageHealth } = node.status();
      if (snapshot !== undefined && Number(snapshot.seq) >= asked) return snapshot;
      if (
        this.#stopped ||
        this.#abandoned ||
        storageHealth === "failed" ||
        this.#parts.epochRecord() === undefined ||
        applied < asked ||
        applied === 0
      ) {
        const why =
          receiving === undefined
            ? "it has no state yet, or is closing"
            : "it is receiving a snapshot itself";
        throw new RequestError("unavailable", `this node takes no snapshot now: ${why}; try another one`);
      }
      const taken = await this.#take(applied);
      if (taken !== undefined) return taken;
      throw new RequestError("unavailable", "the snapshot has failed; the node's log says why");
    }
  }

  /**
   * Keeps a snapshot until what is returned is called. Bounded, for each takes room on the disk.
   * @throws RequestError (busy)
   */
  hold(snapshot: Snapshot): () => void {
    if (!this.#read.has(snapshot) && this.#read.size >= mostHeld) {
      throw new RequestError("busy", `${mostHeld} older snapshots are being read; try again later`);
    }
    this.#read.set(snapshot, (this.#read.get(snapshot) ?? 0) + 1);
    return () => {
      const left = (this.#read.get(snapshot) ?? 1) - 1;
      if (left > 0) this.#read.set(snapshot, left);
      else this.#read.delete(snapshot);
    };
  }

  /** Resolves when nothing is being taken or dropped, and nothing begins until {@link resume}: a peer's takes its place. */
  async yield(): Promise<void> {
    this.#abandoned = true;
    this.#giveUp.abort();
    await this.#taking?.catch(() => undefined);
    await this.#compacting;
  }

  /** The peer's snapshot at `seq` is installed and restored. */
  resume(seq: number): void {
    this.#abandoned = false;
    this.firstSeq = seq + 1;
    this.#counted = { seq, bytes: this.#sizes.total };
    this.#compact();
  }

  /** Stops for good; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#giveUp.abort();
    await this.#taking?.catch(() => undefined);
    await this.#compacting;
  }

  // The nodes of a cluster take theirs at different seqs, so that they are not all busy with it at once.
  #due(seq: number): boolean {
    const { policy, nodeId, node, stateMachine } = this.#parts;
    if (stateMachine.snapshot === undefined || seq <= this.#counted.seq) return false;
    if (this.#parts.epochRecord() === undefined) return false;
    if (this.#sizes.total - this.#counted.bytes >= policy.everyBytes) return true;
    if (seq - this.#counted.seq >= policy.everyUpdates) return true;
    const { voters } = node.epochRecord;
    const place = voters.findIndex((voter) => voter.nodeId === BigInt(nodeId)) / voters.length;
    const turn = (n: number) => Math.floor(n / policy.everyUpdates + place);
    return Number.isFinite(policy.everyUpdates) && turn(seq) > turn(this.#counted.seq);
  }

  #take(seq: number): Promise<Snapshot | undefined> {
    const taking = this.#write(seq).finally(() => {
      this.#taking = undefined;
      this.#compact();
      // Others may have become due meanwhile, and no update come any more.
      this.settled(this.#parts.node.status().applied);
    });
    this.#taking = taking;
    return taking;
  }

  /** Undefined when it was given up. */
  async #write(seq: number): Promise<Snapshot | undefined> {
    const { node, storage, policy, logger } = this.#parts;
    const epochRecord = this.#parts.epochRecord();
    if (epochRecord === undefined) return undefined;
    this.#counted = { seq, bytes: this.#sizes.total };
    const failure: { content?: unknown } = {};
    this.#giveUp = new AbortController();
    // Before anything is awaited: the state is that of this seq now.
    const chunks = this.#chunks(seq, this.#capture(seq, failure), policy.chunkBytes, failure);
    try {
      const snapshot = await storage.writeSnapshot({ seq, epochRecord, chunks });
      if (this.#stopped) return undefined;
      node.snapshotTaken(snapshot);
      logger.info(`took a snapshot at seq ${seq}, ${snapshot.bytes} bytes`);
      return snapshot;
    } catch (error) {
      if (error instanceof GivenUp) return undefined;
      if ("content" in failure)
        logger.warn(`no snapshot at seq ${seq}: the state machine fails: ${String(error)}`);
      else this.#parts.onStorageFailed(error);
      return undefined;
    }
  }

  #capture(seq: number, failure: { content?: unknown }): SnapshotContent {
    const { stateMachine } = this.#parts;
    const { sessions, repeated } = this.#parts.tables();
    const state = begin(() => stateMachine.snapshot?.() ?? [], failure);
    return { sessions: sessions.snapshot(), repeated: repeated.between(this.firstSeq, seq), state };
  }

  async *#chunks(
    seq: number,
    content: SnapshotContent,
    chunkBytes: number,
    failure: { content?: unknown },
  ): AsyncGenerator<Uint8Array> {
    const { node } = this.#parts;
    for await (const chunk of encodeContent(content, chunkBytes)) {
      this.#goOn(failure);
      yield chunk;
      this.#goOn(failure);
    }
    // A snapshot that is ahead of what storage knows as ordered would be none.
    while (node.status().durableAru < seq) {
      this.#goOn(failure);
      await this.#parts.nextSave(this.#giveUp.signal);
    }
    this.#goOn(failure);
  }

  #goOn(failure: { content?: unknown }): void {
    if ("content" in failure) throw failure.content;
    const failed = this.#parts.node.status().storageHealth === "failed";
    if (this.#stopped || this.#abandoned || failed) throw new GivenUp("the snapshot is given up");
  }

  #compact(): void {
    if (this.#compacting !== undefined || this.#stopped || this.#abandoned) return;
    this.#compacting = this.#compactNow().finally(() => (this.#compacting = undefined));
  }

  // Never rejects.
  async #compactNow(): Promise<void> {
    const { node, storage, policy } = this.#parts;
    const { snapshot, storageHealth } = node.status();
    if (snapshot === undefined || storageHealth === "failed") return;
    const { snapshots, logFrom } = node.retention();
    const latest = Number(snapshot.seq);
    const tail = Math.max(latest + 1 - policy.tailUpdates, this.#sizes.from(latest, policy.tailBytes));
    const held =
      logFrom === undefined ? Infinity : Math.max(logFrom, this.#sizes.from(Infinity, policy.heldBytes));
    const firstSeq = Math.max(this.firstSeq, Math.min(latest + 1, tail, held));
    // With that which is the latest so far: another may be written meanwhile, and peers fetch this one.
    const keep: SnapshotId[] = [snapshot, ...snapshots, ...this.#read.keys()];
    try {
      this.firstSeq = await storage.compact(firstSeq, keep);
      this.#sizes.forget(this.firstSeq);
      this.#parts.tables().repeated.forget(this.firstSeq);
    } catch (error) {
      if (!this.#stopped) this.#parts.onStorageFailed(error);
    }
  }
}

/** A snapshot is not wanted any more. */
class GivenUp extends Error {
  override readonly name = "GivenUp";
}

/** Asks for the first piece at once, and remembers a failure, which is the state machine's and not the disk's. */
function begin(
  snapshot: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  failure: { content?: unknown },
): AsyncIterable<Uint8Array> {
  const started = attempt(() => {
    const pieces = snapshot();
    const iterator =
      Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
    const first = Promise.resolve(iterator.next());
    // Looked at later; until then it is not unhandled.
    first.catch(() => undefined);
    return { iterator, first };
  }, failure);
  return goOn(started, failure);
}

function attempt<T>(run: () => T, failure: { content?: unknown }): T | undefined {
  try {
    return run();
  } catch (error) {
    failure.content = error;
    return undefined;
  }
}

interface Started {
  readonly iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array>;
  readonly first: Promise<IteratorResult<Uint8Array>>;
}

async function* goOn(
  started: Started | undefined,
  failure: { content?: unknown },
): AsyncGenerator<Uint8Array> {
  if (started === undefined) return;
  const { iterator, first } = started;
  let ended = false;
  try {
    for (let next = await first; ; next = await iterator.next()) {
      if ((ended = next.done === true)) return;
      yield next.value;
    }
  } catch (error) {
    ended = true;
    failure.content = error;
  } finally {
    if (!ended) await iterator.return?.();
  }
}
