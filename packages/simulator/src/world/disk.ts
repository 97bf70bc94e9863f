import type { Save, StoredState, StoredUpdates } from "@paxos/core";
import type { Random } from "../random.js";
import { DiskContents } from "./disk-contents.js";
import { bytesOf, copyOf, recover } from "./frames.js";
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

/** What a disk is asked to do. Header: the end of a snapshot, which makes it count. */
export type DiskTask = "save" | "read" | "chunk" | "header" | "compaction";

interface Operation {
  readonly task: DiskTask;
  readonly finish: () => void;
  /** The machine crashes in the midst of it. Without it, nothing has come of it. */
  readonly onCrash?: (() => void) | undefined;
  /** What its time is in relation to a save's. */
  readonly weight: number;
  /** Whether its time is up, and only a hang holds it back. */
  due: boolean;
}

/**
 * A node's disk. What is written is durable some time later. It is read back as bytes, so that nothing that a
 * node holds in memory survives its crash by accident.
 */
export class Disk {
  conditions: DiskConditions;
  contents: DiskContents;
  /** Whether something has failed that a process was told of: until it is restarted nobody knows what is there. */
  failed = false;
  /** While it hangs, nothing is finished, neither writes nor reads. */
  #hangs = 0;
  /** The kind of task that fails next. */
  #failing: ReadonlySet<DiskTask> = new Set();
  readonly #operations = new Set<Operation>();
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
    this.contents = new DiskContents(storeId);
    this.#random = world.random.fork(`disk ${nodeId} ${storeId}`);
  }

  /** The ARU that is durable. */
  get durableAru(): number {
    return this.contents.aru;
  }

  get lastSave(): number {
    return Number(this.contents.state?.saveNumber ?? 0n);
  }

  get writing(): boolean {
    return [...this.#operations].some(({ task }) => task === "save");
  }

  get hangs(): boolean {
    return this.#hangs > 0;
  }

  write(given: Save, onDurable: () => void, onFailed: (error: Error) => void = () => undefined): void {
    const save = this.encodes ? copyOf(given) : given;
    this.#begin({
      task: "save",
      weight: 1,
      due: false,
      onCrash: () => this.#tear(save),
      finish: () => {
        if (this.#fails("save")) {
          this.#tear(save);
          return onFailed(diskFailure());
        }
        this.#take(save);
        onDurable();
      },
    });
  }

  /** Reads some time later. */
  read(
    from: number,
    upTo: number,
    maxBytes: number,
    answer: (stored: StoredUpdates) => void,
    onFailed: (error: Error) => void = () => undefined,
  ): void {
    this.perform("read", () => this.contents.read(from, upTo, maxBytes), answer, onFailed);
  }

  /** Does something with the contents some time later. */
  perform<T>(
    task: Exclude<DiskTask, "save">,
    action: () => T,
    onDone: (result: T) => void,
    onFailed: (error: Error) => void,
  ): void {
    const finish = () => {
      let result: T;
      try {
        if (this.#fails(task)) throw diskFailure();
        result = action();
      } catch (error) {
        this.failed = true;
        return onFailed(error as Error);
      }
      onDone(result);
    };
    // The end of a snapshot, or a piece of a compaction, has reached the disk or not.
    const onCrash = () => {
      if (this.#random.chance(500)) action();
    };
    const whole = task === "header" || task === "compaction";
    this.#begin({
      task,
      finish,
      weight: task === "chunk" ? 0.25 : 0.5,
      due: false,
      ...(whole && { onCrash }),
    });
  }

  /** The next task of one of these kinds fails. None: the next one is as good as any. */
  failNext(...tasks: DiskTask[]): void {
    this.#failing = new Set(tasks);
  }

  /** From now on nothing gets finished, until {@link resume} has been called as often. */
  hang(): void {
    this.#hangs++;
  }

  resume(): void {
    if (--this.#hangs > 0) return;
    // Saves first, as long as they have been here.
    const due = [...this.#operations].filter((operation) => operation.due);
    for (const operation of due) this.#expire(operation);
  }

  /** From now on it is like this, for what is under way too. */
  become(conditions: DiskConditions): void {
    this.conditions = conditions;
    for (const operation of this.#operations) {
      if (!operation.due) this.world.after(this.#latency(operation), () => this.#expire(operation));
    }
  }

  /**
   * The machine crashes. A write under way is lost, or has reached the disk without its node hearing of it,
   * or has reached it in part.
   */
  crash(): void {
    const underWay = [...this.#operations];
    this.#operations.clear();
    for (const { onCrash } of underWay) onCrash?.();
    this.contents.snapshots.crash(this.#random);
    this.failed = false;
    this.#failing = new Set();
  }

  /** What is there when a node starts. @throws DamagedRecord */
  load(): StoredState {
    return this.contents.load();
  }

  /** Damages a record. Returns whether there is any. */
  damage(draw: number): boolean {
    return this.contents.damage(draw);
  }

  #begin(operation: Operation): void {
    this.#operations.add(operation);
    this.world.after(this.#latency(operation), () => this.#expire(operation));
  }

  #latency({ weight }: Operation): number {
    const { writeUs, slowPerMille, slowUs } = this.conditions;
    const [low, high] = this.#random.chance(slowPerMille) ? slowUs : writeUs;
    return Math.floor(this.#random.between(low, high) * weight);
  }

  #expire(operation: Operation): void {
    operation.due = true;
    if (this.#hangs === 0 && this.#operations.delete(operation)) operation.finish();
  }

  #fails(task: DiskTask): boolean {
    if (!this.#failing.has(task)) return false;
    this.#failing = new Set();
    this.failed = true;
    return true;
  }

  /** Nothing of a save is on the disk, or all, or a part. */
  #tear(save: Save): void {
    const fate = this.#random.between(0, 2);
    if (fate === 0) return;
    const bytes = bytesOf(save);
    const kept = fate === 1 ? bytes.length : this.#random.between(0, bytes.length - 1);
    const found = recover(bytes.slice(0, kept), save);
    // Whole, it is as good as any; torn, it is cut off.
    if (found !== undefined) this.#take({ ...save, ...found });
  }

  #take(save: Save): void {
    this.contents.take(save);
    this.onDurable(save);
  }
}

function diskFailure(): Error {
  return new Error("the disk has failed");
}
