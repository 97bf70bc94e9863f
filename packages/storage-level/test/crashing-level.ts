import { MemoryLevel } from "memory-level";

interface Operation {
  readonly type: "put" | "del";
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

const inherited = MemoryLevel.prototype as unknown as Pick<CrashingLevel, "_batch">;

/** A database in memory that remembers its batches, so that it can be had as a crash leaves it: with the first of them. */
export class CrashingLevel extends MemoryLevel<Uint8Array, Uint8Array> {
  readonly batches: (readonly Operation[])[] = [];

  constructor() {
    super({ keyEncoding: "view", valueEncoding: "view" });
  }

  /** What is there when only the first `count` batches have reached the disk. */
  async after(count: number): Promise<CrashingLevel> {
    const level = new CrashingLevel();
    await level.open();
    for (const batch of this.batches.slice(0, count)) await level._batch(batch, {});
    return level;
  }

  // What abstract-level asks of implementations: every write ends here.
  async _batch(operations: readonly Operation[], options: object): Promise<void> {
    this.batches.push(operations.map((operation) => ({ ...operation })));
    await inherited._batch.call(this, operations, options);
  }
}
