import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Save, StoredState, StoredUpdates } from "@paxos/core";
import { PersistentStateSchema, StoredRunSchema, type PersistentState, type StoredRun } from "@paxos/proto";
import { scramble, type Random } from "../random.js";
import type { World } from "./world.js";

/** How fast a disk is. */
export interface DiskConditions {
  /** What a write takes, in microseconds: evenly drawn. */
  readonly writeUs: readonly [number, number];
  /** Chance in 1,000 that one takes longer. */
  readonly slowPerMille: number;
  /** What it takes then. */
  readonly slowUs: readonly [number, number];
}

interface Write {
  readonly save: Save;
  readonly frames: readonly Uint8Array[];
  readonly onDurable: () => void;
  /** Cleared when the write is over, one way or another. */
  pending: boolean;
  /** Whether its time is up, and only a hang holds it back. */
  due: boolean;
}

/**
 * A node's disk. What is written is durable some time later, as bytes: nothing that a node holds in memory
 * survives its crash by accident.
 */
export class Disk {
  conditions: DiskConditions;
  /** While it hangs, nothing is finished, neither writes nor reads. */
  #hangs = 0;
  #state: PersistentState | undefined;
  #runs: StoredRun[] = [];
  /** The value that counts at each seq, and its rank. */
  #values: { readonly rank: number; readonly update: Uint8Array }[] = [];
  /** What a crash in the midst of a write has left behind the last whole save. */
  #torn: Uint8Array | undefined;
  #write: Write | undefined;
  readonly #waitingReads: (() => void)[] = [];
  readonly #random: Random;

  constructor(
    private readonly world: World,
    readonly nodeId: number,
    readonly storeId: bigint,
    conditions: DiskConditions,
    /** Told of each save that has become durable, heard of by its node or not. */
    private readonly onDurable: (save: Save) => void,
  ) {
    this.conditions = conditions;
    this.#random = world.random.fork(`disk ${nodeId} ${storeId}`);
  }

  /** The ARU that is durable. */
  get durableAru(): number {
    return Number(this.#state?.localAru ?? 0n);
  }

  get lastSave(): number {
    return Number(this.#state?.saveNumber ?? 0n);
  }

  get writing(): boolean {
    return this.#write !== undefined;
  }

  write(save: Save, onDurable: () => void): void {
    const frames = [...save.runs.map((run) => seal(toBinary(StoredRunSchema, run)))];
    // Last: the state stands for the whole save.
    frames.push(seal(toBinary(PersistentStateSchema, save.state)));
    const write: Write = { save, frames, onDurable, pending: true, due: false };
    this.#write = write;
    this.world.after(this.#latency(), () => this.#expire(write));
  }

  /** Reads some time later. */
  read(from: number, upTo: number, maxBytes: number, answer: (stored: StoredUpdates) => void): void {
    this.world.after(this.#latency() >> 1, () => {
      const finish = () => answer(this.#readNow(from, upTo, maxBytes));
      if (this.#hangs > 0) this.#waitingReads.push(finish);
      else finish();
    });
  }

  /** From now on nothing gets finished, until {@link resume} has been called as often. */
  hang(): void {
    this.#hangs++;
  }

  resume(): void {
    if (--this.#hangs > 0) return;
    if (this.#write?.due === true) this.#finish(this.#write);
    for (const finish of this.#waitingReads.splice(0)) finish();
  }

  /** From now on it is like this, for a write under way too. */
  become(conditions: DiskConditions): void {
    this.conditions = conditions;
    const write = this.#write;
    if (write !== undefined && !write.due) this.world.after(this.#latency(), () => this.#expire(write));
  }

  /**
   * The machine crashes. A write under way is lost, or has reached the disk without its node hearing of it,
   * or has reached it in part.
   */
  crash(): void {
    this.#waitingReads.length = 0;
    const write = this.#write;
    if (write === undefined) return;
    this.#write = undefined;
    write.pending = false;
    const fate = this.#random.between(0, 2);
    if (fate === 0) return;
    const bytes = concatenate(write.frames);
    const kept = fate === 1 ? bytes.length : this.#random.between(0, bytes.length - 1);
    this.#torn = bytes.slice(0, kept);
    // Whole, it is as good as any.
    if (this.#recover(write.frames.length)) this.onDurable(write.save);
  }

  /** What is there when a node starts. */
  load(): StoredState {
    const aru = this.durableAru;
    const runs = this.#runs.filter((run) => endOf(run) > aru);
    const stored = { storeId: this.storeId, runs };
    return this.#state === undefined ? stored : { ...stored, state: this.#state };
  }

  #latency(): number {
    const { writeUs, slowPerMille, slowUs } = this.conditions;
    const [low, high] = this.#random.chance(slowPerMille) ? slowUs : writeUs;
    return this.#random.between(low, high);
  }

  #expire(write: Write): void {
    write.due = true;
    if (this.#hangs === 0) this.#finish(write);
  }

  #finish(write: Write): void {
    if (!write.pending) return;
    write.pending = false;
    this.#write = undefined;
    this.#take(write.frames.map((frame) => unseal(frame) as Uint8Array));
    this.onDurable(write.save);
    write.onDurable();
  }

  /** Takes what is behind the last whole save if that is whole as well, else cuts it off. */
  #recover(frames: number): boolean {
    const whole: Uint8Array[] = [];
    let rest = this.#torn ?? new Uint8Array();
    this.#torn = undefined;
    for (let i = 0; i < frames; i++) {
      const content = unseal(rest);
      if (content === undefined) return false;
      whole.push(content);
      rest = rest.subarray(content.length + sealBytes);
    }
    this.#take(whole);
    return true;
  }

  #take(contents: readonly Uint8Array[]): void {
    for (const bytes of contents.slice(0, -1)) this.#index(fromBinary(StoredRunSchema, bytes));
    this.#state = fromBinary(PersistentStateSchema, contents.at(-1) as Uint8Array);
    // `load` gives only what reaches above the ARU.
    const aru = this.durableAru;
    if (this.#runs.length > 256) this.#runs = this.#runs.filter((run) => endOf(run) > aru);
  }

  // The rule of Storage.read: an ordered run counts, else that of the highest view.
  #index(run: StoredRun): void {
    this.#runs.push(run);
    const { seq, view, updates } = run.proposal ?? create(StoredRunSchema, { proposal: {} }).proposal!;
    const rank = run.ordered ? Infinity : Number(view);
    updates.forEach((update, i) => {
      const known = this.#values[Number(seq) + i];
      if (known === undefined || known.rank < rank) this.#values[Number(seq) + i] = { rank, update };
    });
  }

  #readNow(from: number, upTo: number, maxBytes: number): StoredUpdates {
    const updates: Uint8Array[] = [];
    let bytes = 0;
    for (let seq = from; seq <= upTo; seq++) {
      const update = this.#values[seq]?.update;
      if (update === undefined || (updates.length > 0 && bytes + update.length > maxBytes)) break;
      updates.push(update);
      bytes += update.length;
    }
    return { seq: from, updates, firstSeq: 1 };
  }
}

function endOf({ proposal }: StoredRun): number {
  return proposal === undefined ? 0 : Number(proposal.seq) + proposal.updates.length - 1;
}

const sealBytes = 8;

/** The content behind its length and checksum. */
function seal(content: Uint8Array): Uint8Array {
  const frame = new Uint8Array(content.length + sealBytes);
  const view = new DataView(frame.buffer);
  view.setUint32(0, content.length);
  view.setUint32(4, checksum(content));
  frame.set(content, sealBytes);
  return frame;
}

/** The content of the frame that these bytes begin with; undefined when it is not whole. */
function unseal(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < sealBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const content = bytes.subarray(sealBytes, sealBytes + view.getUint32(0));
  const whole = content.length === view.getUint32(0) && checksum(content) === view.getUint32(4);
  return whole ? content : undefined;
}

function checksum(content: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const byte of content) sum = Math.imul(sum ^ byte, 0x01000193);
  return scramble(sum);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
