// How patient the client is: with one server, and between two rounds of trying.
import type { ClientEnvironment } from "./environment.js";

/** How long one server may take at first; doubled each time that one does not answer, up to the second. */
export const FIRST_ATTEMPT_MS = 2_000;
const LONGEST_ATTEMPT_MS = 16_000;

/** The pause once all servers were tried; doubled each time, up to the second, a random half of it left out. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** Grows as long as what is asked for gets no answer. */
export class Patience {
  /** How long the next server may take. */
  attemptMs = FIRST_ATTEMPT_MS;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(private readonly environment: Pick<ClientEnvironment, "random">) {}

  /** A server has not answered in time. */
  noAnswer(): void {
    this.attemptMs = Math.min(2 * this.attemptMs, LONGEST_ATTEMPT_MS);
  }

  /** How long to pause now. */
  nextPauseMs(): number {
    const ms = this.#pauseMs * (0.5 + this.environment.random() / 2);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    return ms;
  }
}
