import { fromBinary, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { Save, StoredState, StoredUpdates } from "@paxos/core";
import { PersistentStateSchema, StoredRunSchema, type PersistentState, type StoredRun } from "@paxos/proto";
import { digestOf } from "../digest.js";
import type { Random } from "../random.js";
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
  readonly onDurable: () => void;
  /** Cleared when the write is over, one way or another. */
  pending: boolean;
  /** Whether its time is up, and only a hang holds it back. */
  due: boolean;
}

interface Read {
  readonly finish: () => void;
  /** Whether its time is up, and only a hang holds it back. */
  due: boolean;
}

/**
 * A node's disk. What is written is durable some time later. It is read back as bytes, so that nothing that a
 * node holds in memory survives its crash by accident.
 */
export class Disk {
  conditions: DiskConditions;
  /** While it hangs, nothing is finished, neither writes nor reads. */
  #hangs = 0;
  #state: PersistentState | undefined;
  #runs: StoredRun[] = [];
  /** The value that counts at each seq, and its rank. */
  #values: { readonly rank: number; readonly update: Uint8Array }[] = [];
  #write: Write | undefined;
  readonly #reads = new Set<Read>();
  readonly #random: Random;

  constructor(
    private readonly world: World,
    readonly nodeId: number,
    readonly storeId: bigint,
    conditions: DiskConditions,
    /** Whether a save is copied when it is written, and not only when it is read back, which costs less. */
    private readonly encodes: boolean,
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
    const write: Write = { save: this.encodes ? copyOf(save) : save, onDurable, pending: true, due: false };
    this.#write = write;
    this.world.after(this.#latency(), () => this.#expire(write));
  }

  /** Reads some time later. */
  read(from: number, upTo: number, maxBytes: number, answer: (stored: StoredUpdates) => void): void {
    const read: Read = { finish: () => answer(this.#readNow(from, upTo, maxBytes)), due: false };
    this.#reads.add(read);
    this.world.after(this.#latency() >> 1, () => this.#expireRead(read));
  }

  /** From now on nothing gets finished, until {@link resume} has been called as often. */
  hang(): void {
    this.#hangs++;
  }

  resume(): void {
    if (--this.#hangs > 0) return;
    if (this.#write?.due === true) this.#finish(this.#write);
    for (const read of this.#reads) if (read.due) this.#expireRead(read);
  }

  /** From now on it is like this, for what is under way too. */
  become(conditions: DiskConditions): void {
    this.conditions = conditions;
    const write = this.#write;
    if (write !== undefined && !write.due) this.world.after(this.#latency(), () => this.#expire(write));
    for (const read of this.#reads) {
      if (!read.due) this.world.after(this.#latency(), () => this.#expireRead(read));
    }
  }

  /**
   * The machine crashes. A write under way is lost, or has reached the disk without its node hearing of it,
   * or has reached it in part.
   */
  crash(): void {
    this.#reads.clear();
    const write = this.#write;
    if (write === undefined) return;
    this.#write = undefined;
    write.pending = false;
    const fate = this.#random.between(0, 2);
    if (fate === 0) return;
    const bytes = concatenate(framesOf(write.save));
    const kept = fate === 1 ? bytes.length : this.#random.between(0, bytes.length - 1);
    const found = recover(bytes.slice(0, kept), write.save.runs.length);
    // Whole, it is as good as any; torn, it is cut off.
    if (found === undefined) return;
    this.#take(found);
    this.onDurable(write.save);
  }

  /** What is there when a node starts. */
  load(): StoredState {
    const aru = this.durableAru;
    const runs = this.#runs.filter((run) => endOf(run) > aru).map((run) => copy(StoredRunSchema, run));
    const stored = { storeId: this.storeId, runs };
    return this.#state === undefined
      ? stored
      : { ...stored, state: copy(PersistentStateSchema, this.#state) };
  }

  #latency(): number {
    const { writeUs, slowPerMille, slowUs } = this.conditions;
    const [low, high] = this.#random.chance(slowPerMille) ? slowUs : writeUs;
    return this.#random.between(low, high);
  }

  #expireRead(read: Read): void {
    read.due = true;
    if (this.#hangs === 0 && this.#reads.delete(read)) read.finish();
  }

  #expire(write: Write): void {
    write.due = true;
    if (this.#hangs === 0) this.#finish(write);
  }

  #finish(write: Write): void {
    if (!write.pending) return;
    write.pending = false;
    this.#write = undefined;
    this.#take(write.save);
    this.onDurable(write.save);
    write.onDurable();
  }

  #take({ state, runs }: Pick<Save, "state" | "runs">): void {
    for (const run of runs) this.#index(run);
    this.#state = state;
    // `load` gives only what reaches above the ARU.
    const aru = this.durableAru;
    if (this.#runs.length > 256) this.#runs = this.#runs.filter((run) => endOf(run) > aru);
  }

  // The rule of Storage.read: an ordered run counts, else that of the highest view.
  #index(run: StoredRun): void {
    this.#runs.push(run);
    const { proposal } = run;
    if (proposal === undefined) return;
    const rank = run.ordered ? Infinity : Number(proposal.view);
    const seq = Number(proposal.seq);
    proposal.updates.forEach((update, i) => {
      const known = this.#values[seq + i];
      if (known === undefined || known.rank < rank) this.#values[seq + i] = { rank, update };
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

function copy<T extends DescMessage>(schema: T, message: MessageShape<T>): MessageShape<T> {
  return fromBinary(schema, toBinary(schema, message));
}

function copyOf(save: Save): Save {
  const runs = save.runs.map((run) => copy(StoredRunSchema, run));
  return { ...save, state: copy(PersistentStateSchema, save.state), runs };
}

/** A save as it stands on the disk. Its state comes last, and stands for the whole of it. */
function framesOf({ runs, state }: Save): Uint8Array[] {
  return [
    ...runs.map((run) => seal(toBinary(StoredRunSchema, run))),
    seal(toBinary(PersistentStateSchema, state)),
  ];
}

/** The save that these bytes hold; undefined when they do not hold all of it. */
function recover(bytes: Uint8Array, runCount: number): Pick<Save, "state" | "runs"> | undefined {
  const contents: Uint8Array[] = [];
  for (let rest = bytes; contents.length <= runCount;) {
    const content = unseal(rest);
    if (content === undefined) return undefined;
    contents.push(content);
    rest = rest.subarray(content.length + sealBytes);
  }
  return {
    runs: contents.slice(0, -1).map((content) => fromBinary(StoredRunSchema, content)),
    state: fromBinary(PersistentStateSchema, contents.at(-1) as Uint8Array),
  };
}

const sealBytes = 8;

/** The content behind its length and checksum. */
function seal(content: Uint8Array): Uint8Array {
  const frame = new Uint8Array(content.length + sealBytes);
  const view = new DataView(frame.buffer);
  view.setUint32(0, content.length);
  view.setUint32(4, digestOf(content));
  frame.set(content, sealBytes);
  return frame;
}

/** The content of the frame that these bytes begin with; undefined when it is not whole. */
function unseal(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < sealBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const content = bytes.subarray(sealBytes, sealBytes + view.getUint32(0));
  const whole = content.length === view.getUint32(0) && digestOf(content) === view.getUint32(4);
  return whole ? content : undefined;
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
