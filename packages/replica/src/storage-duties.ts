// What `ready` asks of storage, and what becomes of a node whose storage fails.
import type { ChunkRequest, Node, ReadRequest, ReceivedChunk, Save, Storage } from "@paxos/core";

/** Who asks, and who is told. */
export interface StorageDutyParts {
  readonly node: Node;
  readonly storage: Storage;
  readonly tickMs: number;
  /** Milliseconds after which a save that has not ended counts as failed; 0: never. */
  readonly saveTimeoutMs: number;
  /** Tells the node something, unless the driver has stopped, and goes on with what that makes possible. */
  tell(news: () => void): void;
  /** Before a save that installs a snapshot: resolves when no other one is being written. */
  makeWay(): Promise<void>;
  /** A save is durable. */
  onSaved(save: Save): void;
  /** Storage has failed, once. */
  onFailed(error: Error): void;
  /** Whoever drives has broken the contract of the port. */
  onBroken(error: Error): void;
}

/** Does what storage is to do. Nothing here rejects. */
export class StorageDuties {
  readonly #parts: StorageDutyParts;
  #saving: Promise<void> = Promise.resolve();
  /** For how many ticks a save has been under way. */
  #savingTicks: number | undefined;
  #error: Error | undefined;

  constructor(parts: StorageDutyParts) {
    this.#parts = parts;
  }

  /** What storage has failed with; undefined as long as it has not. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Resolves when no save is under way. What has failed may hang for ever, and is not waited for. */
  async atRest(): Promise<void> {
    if (this.#error === undefined) await this.#saving;
  }

  save(save: Save): void {
    this.#saving = this.#save(save);
  }

  read(request: ReadRequest): void {
    const { storage, node } = this.#parts;
    void this.#ask(
      () => storage.read(request.from, request.upTo, request.maxBytes),
      (stored) => node.answer(request, stored),
    );
  }

  readChunk(request: ChunkRequest): void {
    const { storage, node } = this.#parts;
    void this.#ask(
      () => storage.readChunk(request.snapshot, request.index),
      (chunk) => node.answerChunk(request, chunk),
    );
  }

  receiveChunk(chunk: ReceivedChunk): void {
    const { storage, node } = this.#parts;
    void this.#ask(
      () => storage.receiveChunk(chunk.snapshot, chunk.index, chunk),
      (next) => node.chunkReceived(chunk, next),
    );
  }

  /** A tick of the clock: a save that has not ended in time counts as failed. */
  tick(): void {
    const { saveTimeoutMs, tickMs } = this.#parts;
    if (this.#savingTicks === undefined || saveTimeoutMs === 0) return;
    if (++this.#savingTicks * tickMs < saveTimeoutMs) return;
    this.fail(new Error(`storage has not finished a save for ${saveTimeoutMs / 1000} s`));
  }

  /** Nobody knows what the disk holds now. */
  fail(error: unknown): void {
    if (this.#error !== undefined) return;
    const cause = error instanceof Error ? error : new Error(String(error));
    if (cause.name === "InvariantError") return this.#parts.onBroken(cause);
    this.#error = cause;
    this.#savingTicks = undefined;
    this.#parts.onFailed(cause);
  }

  async #save(save: Save): Promise<void> {
    const { storage } = this.#parts;
    this.#savingTicks = 0;
    try {
      // What was sent with it leaves first: to write takes time that others can use to save as well.
      await (save.install === undefined ? undefined : this.#parts.makeWay());
      await storage.save(save);
    } catch (error) {
      return this.fail(error);
    }
    // It came too late, or after something else had failed.
    if (this.#error !== undefined) return;
    this.#savingTicks = undefined;
    this.#parts.tell(() => this.#parts.onSaved(save));
  }

  async #ask<T>(question: () => Promise<T>, tell: (answer: T) => void): Promise<void> {
    try {
      const answer = await question();
      this.#parts.tell(() => tell(answer));
    } catch (error) {
      this.fail(error);
    }
  }
}
