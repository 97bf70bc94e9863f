import { MemoryLevel } from "memory-level";

/** A database in memory whose writes can be watched, held up, and made to fail. */
export class FaultyLevel extends MemoryLevel<Uint8Array, Uint8Array> {
  /** How many records each batch had, and whether it was synced. */
  readonly batches: { readonly records: number; readonly sync: boolean }[] = [];
  /** Batches wait for this. */
  gate: Promise<void> = Promise.resolve();
  /** Batches fail with this. */
  failure: Error | undefined;

  constructor() {
    super({ keyEncoding: "view", valueEncoding: "view" });
  }

  // What abstract-level asks of implementations: every batch ends here.
  async _batch(operations: readonly unknown[], options: { readonly sync?: boolean }): Promise<void> {
    await this.gate;
    this.batches.push({ records: operations.length, sync: options.sync === true });
    if (this.failure !== undefined) throw this.failure;
    await inherited._batch.call(this, operations, options);
  }
}

const inherited = MemoryLevel.prototype as unknown as Pick<FaultyLevel, "_batch">;
