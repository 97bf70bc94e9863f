import { describeMessage, type Identity, type Logger } from "@paxos/core";
import { Role, type EpochRecord, type Message } from "@paxos/proto";
import { ballotOf } from "../checkers/epochs.js";
import type { Random } from "../random.js";
import { Disk } from "./disk.js";
import type { DiskContents } from "./disk-contents.js";
import { Process } from "./process.js";
import type { Seat, Surroundings } from "./seat.js";

/** How long it takes until somebody sees that a process needs a restart, in microseconds. */
const restartUs = [50_000, 3_000_000] as const;

/** A machine: a disk, a clock, and at most one process at a time. */
export class Host implements Seat {
  disk: Disk;
  process: Process | undefined;
  /** How fast its clock ticks, in thousandths of what it should. */
  tickRate = 1000;
  /** Between faults. */
  usualTickRate = 1000;
  /** By how much its calendar is wrong, in milliseconds. */
  readonly clockOffsetMs: number;
  readonly random: Random;
  /** Set once its disk has been exchanged for an empty or an older one: from then on its peers refuse it. */
  lostItsDisk = false;
  /** Set once something on its disk is damaged: from then on nobody relies on it. */
  isDamaged = false;
  #starts = 0;
  #stores = 0;

  constructor(
    readonly surroundings: Surroundings,
    readonly id: number,
    readonly joined: EpochRecord | undefined,
  ) {
    this.random = surroundings.world.random.fork(`host ${id}`);
    this.clockOffsetMs = this.random.between(0, 10_000) - 5_000;
    this.disk = this.#newDisk();
  }

  /** Set once a process of it was refused for its disk: nobody starts another one. */
  wasRefused = false;
  /** Set once its node has learnt that it was removed. */
  hasLeft = false;

  /** Whether nobody starts it any more. */
  get isOut(): boolean {
    return this.wasRefused || this.isDamaged || this.hasLeft;
  }

  /** Whether it has lost what it promised, and is not counted on. */
  get isLost(): boolean {
    return this.lostItsDisk || this.isDamaged;
  }

  excuses(error: unknown): boolean {
    const { disk, isDamaged } = this;
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    if (message.startsWith("storage has not finished a save")) return disk.hangs || disk.writing;
    return name !== "InvariantError" && (disk.failed || (isDamaged && name === "StorageError"));
  }

  get isUp(): boolean {
    return this.process !== undefined;
  }

  /** Starts a process, unless one is running. */
  start(): void {
    if (this.process !== undefined || this.hasLeft) return;
    const { world } = this.surroundings;
    world.trace.note("S", this.id, ++this.#starts);
    if (world.trace.verbose) world.trace.line(`node ${this.id} starts`);
    const process = new Process(this, this.#starts);
    this.process = process;
    process.start();
  }

  /** Ends the process as kill -9 does, and what was on its way to the disk with it. */
  crash(): void {
    const { world } = this.surroundings;
    if (this.process === undefined) return;
    world.trace.note("K", this.id);
    if (world.trace.verbose) world.trace.line(`node ${this.id} crashes`);
    this.process.kill();
    this.process = undefined;
    this.disk.crash();
  }

  /** Ends the process in order, as SIGTERM does; kills it when that takes too long. */
  stop(): void {
    const { process } = this;
    const { world } = this.surroundings;
    if (process === undefined) return;
    if (world.trace.verbose) world.trace.line(`node ${this.id} is asked to stop`);
    const end = () => {
      if (this.process === process) this.crash();
    };
    process.close(end);
    world.after(900_000, end);
  }

  left(): void {
    this.hasLeft = true;
    this.crash();
  }

  refused(): void {
    this.wasRefused = true;
    this.crash();
  }

  restartLater(): void {
    const { process } = this;
    this.surroundings.world.after(this.random.between(...restartUs), () => {
      if (this.process !== process) return;
      this.crash();
      if (!this.isOut) this.start();
    });
  }

  /** The disk is exchanged for an empty one, or one with these contents. Only of a host that is down. */
  loseDisk(older?: DiskContents): void {
    const { checkers } = this.surroundings;
    this.lostItsDisk = true;
    if (older === undefined) this.disk = this.#newDisk();
    else this.disk.contents = older;
    for (const checker of checkers) checker.exchanged?.(this.id, this.disk.load());
  }

  /** Takes a message. Returns false when nobody listens. */
  deliver(sender: Identity, message: Message): boolean {
    const { world } = this.surroundings;
    if (this.process?.receive(sender, message) === true) return true;
    if (world.trace.verbose) world.trace.line(`node ${this.id} is down: lost ${describeMessage(message)}`);
    return false;
  }

  /** The ballot that this node says it leads; undefined when it does not. */
  get leads(): number | undefined {
    const status = this.process?.status();
    return status?.role === Role.LEADER ? ballotOf(status.epoch, status.view) : undefined;
  }

  get logger(): Logger {
    const { trace } = this.surroundings.world;
    const line = (level: string) => (text: string) => {
      if (trace.verbose) trace.line(`node ${this.id} ${level}: ${text}`);
    };
    const silent = () => undefined;
    return {
      verbose: false,
      debug: silent,
      info: line("logs"),
      warn: line("warns"),
      error: line("logs an error"),
    };
  }

  #newDisk(): Disk {
    const { world, checkers, disk, encodes } = this.surroundings;
    const storeId = BigInt(1_000_000 * (this.id + 1) + ++this.#stores);
    return new Disk(world, this.id, storeId, disk, encodes, (save) => {
      world.trace.note("D", this.id, save.number);
      for (const checker of checkers) checker.durable?.(this.id, save);
    });
  }
}
