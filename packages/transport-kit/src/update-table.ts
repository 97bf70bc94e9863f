/** What makes an update the same update. */
export interface UpdateIdentity {
  readonly clientId: bigint;
  readonly timestamp: bigint;
}

/** A map whose keys are updates' client ids and timestamps. */
export class UpdateTable<T> {
  readonly #clients = new Map<bigint, Map<bigint, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get({ clientId, timestamp }: UpdateIdentity): T | undefined {
    return this.#clients.get(clientId)?.get(timestamp);
  }

  /** Adds a value for an update that has none. */
  add({ clientId, timestamp }: UpdateIdentity, value: T): void {
    let client = this.#clients.get(clientId);
    if (client === undefined) this.#clients.set(clientId, (client = new Map<bigint, T>()));
    client.set(timestamp, value);
    this.#size++;
  }

  /** Removes the value of an update, and returns it. */
  take({ clientId, timestamp }: UpdateIdentity): T | undefined {
    const client = this.#clients.get(clientId);
    const value = client?.get(timestamp);
    if (client === undefined || value === undefined) return undefined;
    client.delete(timestamp);
    if (client.size === 0) this.#clients.delete(clientId);
    this.#size--;
    return value;
  }

  /** Removes all values, and returns them. */
  takeAll(): T[] {
    const values = [...this.#clients.values()].flatMap((client) => [...client.values()]);
    this.#clients.clear();
    this.#size = 0;
    return values;
  }
}
