// What a lock protects, in its smallest form: it refuses whoever held the lock earlier than somebody it has heard.

export class StaleTokenError extends Error {
  override readonly name = "StaleTokenError";
}

/** In a database, the highest token is kept beside the data, and both change in one transaction. */
export class FencedRegister<T> {
  #highest = 0;

  constructor(public value: T) {}

  get highestToken(): number {
    return this.#highest;
  }

  /** @throws StaleTokenError when a later holder of the lock has written. */
  write(token: number, value: T): void {
    if (token < this.#highest)
      throw new StaleTokenError(
        `token ${token} is older than ${this.#highest}: its holder has lost the lock`,
      );
    this.#highest = token;
    this.value = value;
  }
}
