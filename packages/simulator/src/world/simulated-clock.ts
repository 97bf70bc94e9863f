import type { Clock } from "@paxos/core";
import type { Seat } from "./seat.js";
import type { Life } from "./life.js";

/** How long a process takes to get to what it has put off, in microseconds: what comes meanwhile is taken together. */
const soonUs = [0, 20] as const;

/** How much faster than it should a clock may tick without the others' having to be ahead, in thousandths. */
const tolerated = 1100;

/** The clock port of one process. */
export class SimulatedClock implements Clock {
  #onTick: () => void = () => undefined;
  #intervalUs = 0;

  constructor(
    private readonly seat: Seat,
    private readonly life: Life,
  ) {}

  every(intervalMs: number, onTick: () => void): () => void {
    const { seat, life } = this;
    const { world, checkers } = seat.surroundings;
    let stopped = false;
    this.#intervalUs = intervalMs * 1000;
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
          const { tickRate } = seat;
          if (tickRate > tolerated)
            world.clockAheadUs += Math.ceil((this.#intervalUs * (tickRate - 1000)) / tickRate);
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

  /** Ticks once, out of turn. Alone: the others' clocks are not ahead because of that, so that no lease of this node's may be under way. */
  tickNow(alone = false): void {
    this.life.input(() => {
      if (!alone) this.seat.surroundings.world.clockAheadUs += this.#intervalUs;
      this.#onTick();
    });
  }

  now(): number {
    const { now, clockAheadUs } = this.seat.surroundings.world;
    return (now + clockAheadUs) / 1000;
  }
}
