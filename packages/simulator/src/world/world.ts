import { nextTick } from "node:process";
import { Random } from "../random.js";
import { EventQueue } from "./event-queue.js";
import { Trace } from "./trace.js";

/** What has been found, until the run's end turns it into a Violation. */
export interface Finding {
  readonly checker: string;
  readonly finding: string;
  readonly cause?: unknown;
}

/** How many events happen in one turn of the real event loop. */
const eventsPerTurn = 4096;

/** Virtual time, what happens in it, and where randomness comes from. */
export class World {
  /** Virtual time, in microseconds. */
  now = 0;
  readonly random: Random;
  readonly trace: Trace;
  /** Inputs to nodes' cores. */
  steps = 0;
  /**
   * By how much nodes' monotonic clocks are ahead of virtual time, in microseconds: leases rely on it that no node ticks faster than these
   * clocks say, so they are when one does.
   */
  clockAheadUs = 0;
  ticks = 0;
  saves = 0;
  /** The first thing that must never happen, and has. */
  finding: Finding | undefined;
  readonly #queue = new EventQueue();
  #events = 0;

  constructor(seed: number, onLine?: (line: string) => void) {
    this.random = new Random(seed);
    this.trace = new Trace(() => this.now, onLine);
  }

  /** Has something happen `delay` microseconds from now, after everything that is due by then already. */
  after(delay: number, run: () => void): void {
    this.#queue.push(this.now + delay, run);
  }

  /** Something is wrong. The first finding counts: others tend to follow from it. */
  violate(checker: string, finding: string, cause?: unknown): void {
    if (this.finding !== undefined) return;
    this.finding = { checker, finding, cause };
    if (this.trace.verbose) this.trace.line(`VIOLATION [${checker}] ${finding}`);
  }

  /**
   * Lets time pass until the condition holds, asked after each event, or `until` is reached. Stops early when
   * something is found. Returns whether the condition held.
   */
  async run(until: number, condition: () => boolean = () => false): Promise<boolean> {
    while (this.finding === undefined) {
      if (condition()) return true;
      if (this.#queue.nextTime > until) {
        this.now = until;
        return false;
      }
      const event = this.#queue.pop();
      if (event === undefined) return false;
      this.now = event.time;
      event.run();
      await promisesSettled();
      // Real timers must get their turn: a test runner's time limit, for instance.
      if (++this.#events % eventsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return false;
  }
}

/**
 * Resolves once every promise that could be settled has been, and whoever awaited it has gone on: Node calls
 * back from nextTick only when its queue of microtasks is empty. Costs no turn of the real event loop.
 */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => nextTick(resolve));
}
