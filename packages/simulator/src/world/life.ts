import type { World } from "./world.js";

/**
 * When a process lives: everything that reaches it and everything that it does asks here. Once it is dead, its
 * code may still be called by what it was waiting for, but nothing it does has any effect.
 */
export class Life {
  /** It is killed in the midst of its work, in place of its effect of this number from now. */
  fuse = Infinity;
  #alive = true;
  #pausedUntil = 0;
  /** What has come since, in its order. */
  readonly #waiting: (() => void)[] = [];

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
    if (this.#waiting.length === 0 && world.now >= this.#pausedUntil) return run();
    this.#waiting.push(run);
    if (this.#waiting.length === 1) this.#goOn();
  }

  // One after the other, for promises to be settled in between.
  #goOn(): void {
    const { world } = this;
    world.after(Math.max(0, this.#pausedUntil - world.now), () => {
      if (!this.#alive) return;
      if (world.now >= this.#pausedUntil) this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#goOn();
    });
  }

  /** The process does something. Returns whether it has an effect. */
  acts(): boolean {
    if (!this.#alive) return false;
    if (--this.fuse > 0) return true;
    this.onFuse();
    return false;
  }
}
