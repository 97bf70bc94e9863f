import type { World } from "./world.js";

/**
 * When a process lives: everything that reaches it and everything that it does asks here. Once it is dead, its
 * code may still be called by what it was waiting for, but nothing it does has any effect.
 */
export class Life {
  /** How many effects it still has before it is killed in the midst of its work. */
  fuse = Infinity;
  #alive = true;
  #pausedUntil = 0;

  constructor(
    private readonly world: World,
    /** Called when the fuse has burnt down. */
    private readonly onFuse: () => void,
  ) {}

  get alive(): boolean {
    return this.#alive;
  }

  end(): void {
    this.#alive = false;
  }

  /** Nothing happens until then, as when an event loop is stalled; everything waits, in its order. */
  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  /** Something reaches the process: now, later, or never. */
  input(run: () => void): void {
    const { world } = this;
    if (!this.#alive) return;
    if (world.now >= this.#pausedUntil) run();
    else world.after(this.#pausedUntil - world.now, () => this.input(run));
  }

  /** The process does something. Returns whether it has an effect. */
  acts(): boolean {
    if (!this.#alive) return false;
    if (--this.fuse > 0) return true;
    this.onFuse();
    return false;
  }
}
