import type {
  ChunkData,
  Save,
  SnapshotDraft,
  SnapshotId,
  Storage,
  StoredState,
  StoredUpdates,
} from "@paxos/core";
import type { Snapshot } from "@paxos/proto";
import type { Checker } from "../checkers/checker.js";
import type { DiskTask } from "./disk.js";
import type { Seat } from "./seat.js";
import type { Life } from "./life.js";

/** The log is dropped in so many steps at most. */
const mostSteps = 3;

/** The storage port of one process, over its host's disk. Holds its caller to the contract of the port. */
export class SimulatedStorage implements Storage {
  #lastSave = 0;
  #failed = false;
  /** What is under way that must not be under way twice. */
  readonly #underWay = new Set<"save" | "snapshot" | "chunk" | "compaction">();

  constructor(
    private readonly seat: Seat,
    private readonly life: Life,
  ) {}

  load(): Promise<StoredState> {
    const { seat, life } = this;
    const { world } = seat.surroundings;
    return new Promise((resolve, reject) => {
      world.after(seat.random.between(100, 5000), () => {
        life.input(() => {
          try {
            const stored = seat.disk.load();
            this.#lastSave = seat.disk.lastSave;
            this.#tell((checker) => checker.started?.(seat.id, stored));
            resolve(stored);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
    });
  }

  save(save: Save): Promise<void> {
    const { seat, life } = this;
    const { world } = seat.surroundings;
    if (!life.acts()) return never();
    this.#checkSave(save);
    this.#tell((checker) => checker.saveBegins?.(seat.id));
    world.saves++;
    const end = this.#begin("save");
    return new Promise((resolve, reject) => {
      const onDurable = () =>
        life.input(() => {
          world.steps++;
          end();
          this.#tell((checker) => checker.saveEnds?.(seat.id));
          resolve();
        });
      seat.disk.write(save, onDurable, (error) => this.#fail(error, reject));
    });
  }

  read(from: number, upTo: number, maxBytes: number): Promise<StoredUpdates> {
    const { seat, life } = this;
    const { disk } = seat;
    if (!life.acts()) return never();
    if (from < 1 || upTo > disk.durableAru) {
      this.#violate(`reads ${from} to ${upTo}, durable is ${disk.durableAru}`);
    }
    return this.#perform("read", () => disk.contents.read(from, upTo, maxBytes));
  }

  async writeSnapshot({ seq, epochRecord, chunks }: SnapshotDraft): Promise<Snapshot> {
    const { seat, life } = this;
    const { disk } = seat;
    if (!life.acts()) return never();
    const end = this.#begin("snapshot");
    const { snapshots } = disk.contents;
    if (seq <= snapshots.covers)
      this.#violate(`writes a snapshot at seq ${seq}, and holds one at ${snapshots.covers}`);
    const pieces: Uint8Array[] = [];
    try {
      for await (const data of chunks) {
        if (!life.acts()) return await never();
        pieces.push(data.slice());
        await this.#perform("chunk", () => undefined);
      }
      if (!life.acts()) return await never();
      if (seq > disk.durableAru)
        this.#violate(`ends a snapshot at seq ${seq}, durable is ${disk.durableAru}`);
      if (seq <= snapshots.covers)
        this.#violate(`ends a snapshot at seq ${seq}, and holds one at ${snapshots.covers}`);
      return await this.#perform("header", () => {
        const snapshot = snapshots.hold(seq, disk.storeId, epochRecord, pieces);
        const content = snapshots.content(snapshot) as Uint8Array;
        seat.surroundings.world.trace.note("P", seat.id, seq, content.length);
        this.#tell((checker) => checker.snapshotHeld?.(seat.id, snapshot, content));
        return snapshot;
      });
    } finally {
      end();
    }
  }

  readChunk(snapshot: SnapshotId, index: number): Promise<ChunkData | undefined> {
    if (!this.life.acts()) return never();
    const { disk } = this.seat;
    return this.#perform("read", () => disk.contents.snapshots.readChunk(snapshot, index));
  }

  async receiveChunk(snapshot: Snapshot, index: number, chunk: ChunkData): Promise<number> {
    if (!this.life.acts()) return never();
    const { disk } = this.seat;
    const end = this.#begin("chunk");
    try {
      return await this.#perform("chunk", () => disk.contents.snapshots.receive(snapshot, index, chunk));
    } finally {
      end();
    }
  }

  async compact(firstSeq: number, keep: readonly SnapshotId[]): Promise<number> {
    const { seat, life } = this;
    if (!life.acts()) return never();
    const { contents } = seat.disk;
    const { covers } = contents.snapshots;
    const end = this.#begin("compaction");
    if (firstSeq > covers + 1)
      this.#violate(`drops its log below ${firstSeq}, its latest snapshot is at seq ${covers}`);
    try {
      const steps = seat.random.between(1, mostSteps);
      const from = contents.firstSeq;
      for (let step = 1; step <= steps; step++) {
        await this.#perform("compaction", () => {
          const upTo = from + Math.floor(((firstSeq - from) * step) / steps);
          if (upTo > contents.firstSeq) {
            contents.dropBelow(upTo);
            this.#tell((checker) => checker.compacted?.(seat.id, upTo));
          }
          if (step === steps) contents.snapshots.keep(keep);
          seat.surroundings.world.trace.note("Z", seat.id, contents.firstSeq);
        });
      }
      return contents.firstSeq;
    } finally {
      end();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #perform<T>(task: Exclude<DiskTask, "save">, action: () => T): Promise<T> {
    const { seat, life } = this;
    return new Promise((resolve, reject) => {
      const onDone = (result: T) => life.input(() => resolve(result));
      seat.disk.perform(task, action, onDone, (error) => this.#fail(error, reject));
    });
  }

  /** The process hears of a failure, and of nothing else in the same moment: it may need a while to see what that means. */
  #fail(error: Error, reject: (error: Error) => void): void {
    const { seat, life } = this;
    const { world } = seat.surroundings;
    const fail = () => {
      this.#failed = true;
      world.trace.note("E", seat.id);
      if (world.trace.verbose) world.trace.line(`node ${seat.id}'s storage fails: ${error.message}`);
      this.#tell((checker) => checker.storageFailed?.(seat.id));
      reject(error);
    };
    world.after(0, () => life.input(fail));
  }

  #checkSave({ number, install }: Save): void {
    const due = ++this.#lastSave;
    if (number !== due) this.#violate(`makes save ${number} where ${due} is due`);
    if (this.#failed) this.#violate(`makes save ${number} after its storage has failed`);
    if (install === undefined) return;
    const { snapshots } = this.seat.disk.contents;
    if (!snapshots.hasReceived(install))
      this.#violate(`installs a snapshot at seq ${install.seq} that it has not received in full`);
    if (this.#underWay.has("chunk"))
      this.#violate(`installs a snapshot at seq ${install.seq} while it receives a chunk`);
    if (this.#underWay.has("snapshot"))
      this.#violate(`installs a snapshot at seq ${install.seq} while it writes one of its own`);
  }

  /** One at a time. Gives what ends it. */
  #begin(what: "save" | "snapshot" | "chunk" | "compaction"): () => void {
    if (this.#underWay.has(what)) this.#violate(`begins a ${what} while another is under way`);
    this.#underWay.add(what);
    return () => this.#underWay.delete(what);
  }

  #tell(news: (checker: Checker) => void): void {
    for (const checker of this.seat.surroundings.checkers) news(checker);
  }

  #violate(finding: string): void {
    this.seat.surroundings.world.violate("storage-contract", `node ${this.seat.id} ${finding}`);
  }
}

/** What a dead process waits for. */
function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
