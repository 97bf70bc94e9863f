/** What makes an update the same update. */
export interface UpdateIdentity {
  readonly clientId: bigint;
  readonly timestamp: bigint;
}

/**
 * A map whose keys are updates' client ids and timestamps. They are chosen by clients, so they are kept as strings: V8 hashes
 * bigints without a seed, and whoever knows how can make a map of them take quadratic time.
 */
export class UpdateTable<T> {
  readonly #values = new Map<string, T>();

  get size(): number {
    return this.#values.size;
  }

  get(id: UpdateIdentity): T | undefined {
    return this.#values.get(keyOf(id));
  }

  /** Adds a value for an update that has none. */
  add(id: UpdateIdentity, value: T): void {
    this.#values.set(keyOf(id), value);
  }

  /** Removes the value of an update, and returns it. */
  take(id: UpdateIdentity): T | undefined {
    const key = keyOf(id);
    const value = this.#values.get(key);
    if (value !== undefined) this.#values.delete(key);
    return value;
  }

  /** Removes all values, and returns them. */
  takeAll(): T[] {
    const values = [...this.#values.values()];
    this.#values.clear();
    return values;
  }
}

function keyOf({ clientId, timestamp }: UpdateIdentity): string {
  return `${clientId}/${timestamp}`;
}
