/**
 * Ends all writing with the first one that fails: after a failed sync nobody knows what is on the disk and what is not, and
 * a later one that succeeds would not tell.
 */
export class Writes {
  #failure: { readonly error: unknown } | undefined;

  /** Throws what the first failed write threw. */
  requireSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Does a write, unless one has failed before. */
  async do<T>(write: () => Promise<T>): Promise<T> {
    this.requireSound();
    try {
      return await write();
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }
}
