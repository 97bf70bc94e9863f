import { StorageError } from "./storage-error.js";

/** The most problems that are listed. */
const MAX_LISTED_PROBLEMS = 100;

/** What is wrong with a storage, as far as it can be listed. */
export class Problems {
  readonly #listed = new Set<string>();
  #count = 0;

  /** Adds a problem, once. */
  readonly report = (error: StorageError): void => {
    if (this.#listed.has(error.message)) return;
    this.#count++;
    if (this.#listed.size < MAX_LISTED_PROBLEMS) this.#listed.add(error.message);
  };

  /** Does something whose StorageError is a problem; then gives `otherwise`. */
  async attempt<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.report(asProblem(error));
      return otherwise;
    }
  }

  get listed(): readonly string[] {
    return [...this.#listed];
  }

  get count(): number {
    return this.#count;
  }
}

/** Throws what is no StorageError. */
export function asProblem(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  throw error;
}
