import type { Clock } from "@paxos/core";
import type { Seat } from "./seat.js";
import type { Life } from "./life.js";

/** How long a process takes to get to what it has put off, in microseconds: what comes meanwhile is taken together. */
const soonUs = [0, 20] as const;

/** The clock port of one process. */
export class SimulatedClock implements Clock {
  #onTick: () => void = () => undefined;

  constructor(
    private readonly seat: Seat,
    private readonly life: Life,
  ) {}

  every(intervalMs: number, onTick: () => void): () => void {
    const { seat, life } = this;
    const { world, checkers } = seat.surroundings;
    let stopped = false;
    this.#onTick = () => {
      if (stopped) return;
      world.steps++;
      world.ticks++;
      world.trace.note("T", seat.id);
      for (const checker of checkers) checker.ticked?.(seat.id);
      onTick();
    };
    // From the end of the last tick on: ticks missed while the event loop was stalled are left out.
    const next = () => {
      world.after(Math.floor((intervalMs * 1_000_000) / seat.tickRate), () => {
        life.input(() => {
          this.#onTick();
          if (!stopped) next();
        });
      });
    };
    next();
    return () => (stopped = true);
  }

  soon(callback: () => void): void {
    const { seat, life } = this;
    seat.surroundings.world.after(seat.random.between(...soonUs), () => life.input(callback));
  }

  /** Ticks once, out of turn. */
  tickNow(): void {
    this.life.input(() => this.#onTick());
  }
}
