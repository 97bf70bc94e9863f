import { create, isMessage, type MessageInitShape } from "@bufbuild/protobuf";
import {
  MessageSchema,
  type ClientUpdateFields,
  type Message,
  type Proposal,
  type Snapshot,
  type StoredRun,
} from "@paxos/proto";
import { invariant } from "./errors.js";
import type { ChunkData, PeerAddress, Save } from "./ports.js";
import { toWire } from "./wire.js";

/** An update at its place. */
export interface OrderedUpdate extends ClientUpdateFields {
  readonly seq: number;
  /** A no-op only takes a place: nothing is to be applied. */
  readonly noop: boolean;
}

/** A duty: read ordered updates from storage and give them to {@link Node.answer}. */
export interface ReadRequest {
  /** The peer that the updates are for; undefined when this node applies them itself, after a restart. */
  readonly to: number | undefined;
  readonly from: number;
  readonly upTo: number;
  readonly maxBytes: number;
}

/** A duty: read a chunk of a snapshot from storage for a peer and give it to {@link Node.answerChunk}. */
export interface ChunkRequest {
  readonly to: number;
  readonly snapshot: Snapshot;
  readonly index: number;
}

/** A duty: give a chunk of a peer's snapshot to storage, and what that answers to {@link Node.chunkReceived}. */
export interface ReceivedChunk extends ChunkData {
  readonly snapshot: Snapshot;
  readonly index: number;
}

/** An update of this node that the leader will not take. */
export interface Refusal {
  readonly clientId: bigint;
  readonly timestamp: bigint;
  /**
   * Unavailable: an earlier leader, which took larger ones, may have taken it; it may still be ordered. Removed: so was this node;
   * it may still be ordered.
   */
  readonly code: "too_large" | "unavailable" | "removed";
}

/** What a node wants done. See the README for the order in which to do it. */
export interface Ready {
  /** To be made durable; then its messages are to be sent. At most one save is under way at a time. */
  readonly save: Save | undefined;
  /** To be sent at once. */
  readonly messages: readonly Message[];
  /** To be applied in this order. They need not wait for the save. */
  readonly orderedUpdates: readonly OrderedUpdate[];
  /** The reads with numbers up to this one may be served: with `orderedUpdates` applied or without, but not once `restore` has begun. See {@link Node.read}. */
  readonly readable: number | undefined;
  /** To be read from storage and given to {@link Node.answer}. */
  readonly reads: readonly ReadRequest[];
  /** Updates that this node does not wait for any more. */
  readonly refusals: readonly Refusal[];
  /** To be read from storage and given to {@link Node.answerChunk}. */
  readonly chunkReads: readonly ChunkRequest[];
  /** To be given to storage, in their order; see {@link Node.chunkReceived}. */
  readonly chunkWrites: readonly ReceivedChunk[];
  /**
   * The snapshot that storage has installed: the state machine and the sessions are to be replaced by what is in it, and
   * {@link Node.restored} called. It comes after everything before it has been applied; no update comes meanwhile.
   */
  readonly restore: Snapshot | undefined;
  /** Whom to be connected to from now on: all of them, and nobody else. Undefined: as before. */
  readonly peers: readonly PeerAddress[] | undefined;
}

/** What a save makes durable, remembered until it is. */
export interface Durable {
  /** The number of the save; 0 before the first. */
  readonly saveNumber: number;
  /** The epoch of the views here. */
  readonly epoch: number;
  readonly promisedView: number;
  readonly ledView: number | undefined;
  readonly aru: number;
  readonly accepted: { readonly view: number; readonly seq: number };
  /** The peers whose store ids are on record. */
  readonly peerStores: readonly number[];
  /** The snapshot that the save installs. */
  readonly install: Snapshot | undefined;
}

/** What a message says, without the envelope. */
export type MessageContent = NonNullable<MessageInitShape<typeof MessageSchema>["type"]>;

/** Whether it need not be filled in first, which takes longer than all else that happens to a small message. */
function isWhole(type: MessageContent): type is MessageContent & Message["type"] {
  return type.case === "clientUpdate" || isMessage(type.value);
}

/** Collects what leaves a node. Saves queue here: whatever piles up while one is under way forms the next. */
export class Outbox {
  messages: Message[] = [];
  orderedUpdates: OrderedUpdate[] = [];
  readable: number | undefined;
  reads: ReadRequest[] = [];
  refusals: Refusal[] = [];
  chunkReads: ChunkRequest[] = [];
  chunkWrites: ReceivedChunk[] = [];
  restore: Snapshot | undefined;
  peers: readonly PeerAddress[] | undefined;

  /** Runs for the next save. */
  runs: StoredRun[] = [];
  /** How much is queued for saving, the save under way included. */
  backlog = { updates: 0, bytes: 0 };
  #queued = { updates: 0, bytes: 0 };
  /** Messages that follow the next save. */
  promises: Message[] = [];
  /** The snapshot that the next save installs. */
  install: Snapshot | undefined;
  /** Whether the next save has something to say. */
  saveWanted = false;
  /** Whether the next save is to be followed by an Accept. */
  acceptWanted = false;

  /** What the save under way makes durable, and the tick at which it left. */
  saving:
    | { readonly makes: Durable; readonly since: number; readonly holds: { updates: number; bytes: number } }
    | undefined;

  constructor(
    private readonly envelope: { readonly from: number; epoch: number; readonly storeId: bigint },
  ) {}

  /** What is said and accepted from now on belongs to this epoch. What the one before was to promise is not said any more. */
  startEpoch(epoch: number): void {
    this.envelope.epoch = epoch;
    this.promises = [];
    this.acceptWanted = false;
    this.saveWanted = true;
  }

  /** Queues a message that promises nothing. */
  send(to: number, type: MessageContent): void {
    this.messages.push(this.wrap(to, type));
  }

  /** Queues a message that may leave only when everything queued for saving so far is durable. */
  sendAfterSave(to: number, type: MessageContent): void {
    this.promises.push(this.wrap(to, type));
    this.saveWanted = true;
  }

  /** Queues a run for saving, and so many bytes of updates: one accepted in its view, or updates learnt as ordered. */
  queueRun(proposal: Proposal, bytes: number, ordered = false): void {
    for (const sum of [this.backlog, this.#queued]) {
      sum.updates += proposal.updates.length;
      sum.bytes += bytes;
    }
    const epoch = toWire(this.envelope.epoch);
    this.runs.push({ $typeName: "paxos.v1.StoredRun", formatVersion: 1, epoch, ordered, proposal });
    this.saveWanted = true;
  }

  wrap(to: number, type: MessageContent): Message {
    const envelope = {
      to: toWire(to),
      from: toWire(this.envelope.from),
      epoch: toWire(this.envelope.epoch),
      storeId: this.envelope.storeId,
    };
    if (!isWhole(type)) return create(MessageSchema, { ...envelope, type });
    return { $typeName: "paxos.v1.Message", type, group: 0n, ...envelope };
  }

  get isEmpty(): boolean {
    return (
      this.messages.length === 0 &&
      this.orderedUpdates.length === 0 &&
      this.readable === undefined &&
      this.reads.length === 0 &&
      this.refusals.length === 0 &&
      this.chunkReads.length === 0 &&
      this.chunkWrites.length === 0 &&
      this.restore === undefined &&
      this.peers === undefined
    );
  }

  /** Hands out everything queued, with this save if one is due. */
  take(save: Save | undefined): Ready {
    const { messages, orderedUpdates, readable, reads, refusals, chunkReads, chunkWrites, restore, peers } =
      this;
    this.messages = [];
    this.orderedUpdates = [];
    this.readable = undefined;
    this.reads = [];
    this.refusals = [];
    this.chunkReads = [];
    this.chunkWrites = [];
    this.restore = undefined;
    this.peers = undefined;
    return {
      save,
      messages,
      orderedUpdates,
      readable,
      reads,
      refusals,
      chunkReads,
      chunkWrites,
      restore,
      peers,
    };
  }

  /** Empties the queue of the save that leaves now. */
  beginSave(makes: Durable, now: number): Pick<Save, "runs" | "install" | "messages"> {
    invariant(this.saving === undefined, "one save at a time");
    const { runs, install, promises: messages } = this;
    this.saving = { makes, since: now, holds: this.#queued };
    this.#queued = { updates: 0, bytes: 0 };
    this.runs = [];
    this.promises = [];
    this.install = undefined;
    this.saveWanted = false;
    this.acceptWanted = false;
    return { runs, ...(install && { install }), messages };
  }

  /** The save under way is durable. */
  endSave(number: number): Durable {
    const { saving } = this;
    invariant(saving?.makes.saveNumber === number, `save ${number} was not under way`);
    this.saving = undefined;
    this.backlog.updates -= saving.holds.updates;
    this.backlog.bytes -= saving.holds.bytes;
    return saving.makes;
  }
}
