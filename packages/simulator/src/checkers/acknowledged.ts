import type { Call } from "../clients/call.js";
import type { Application, Checker, Report } from "./checker.js";
import type { OneOrder } from "./one-order.js";

/**
 * What a client was told to be ordered was, there, with this answer; and stays so: the order never changes, see
 * {@link OneOrder}. What it was told to be refused was not executed, and is not until it is tried again.
 */
export class Acknowledged implements Checker {
  /** Calls that were refused at their first attempt, which may be their only one. */
  readonly #refused = new Set<Call>();

  constructor(
    private readonly order: OneOrder,
    private readonly report: Report,
  ) {}

  answered(call: Call, nodeId: number, seq: number): void {
    const executed = this.order.seqOf(call.id);
    if (executed === seq) {
      if (call.result !== undefined && this.order.isResultAt(seq, call.result)) return;
      return this.report(
        `node ${nodeId} answers call ${call.id} at seq ${seq} otherwise than the state machine did there`,
      );
    }
    this.report(
      executed === undefined
        ? `node ${nodeId} acknowledges call ${call.id} at seq ${seq}; nobody has executed it`
        : `node ${nodeId} acknowledges call ${call.id} at seq ${seq}; it was executed at ${executed}`,
    );
  }

  refused(call: Call, nodeId: number): void {
    this.#refused.add(call);
    const executed = this.order.seqOf(call.id);
    if (executed !== undefined)
      this.report(`node ${nodeId} refuses call ${call.id}, which was executed at seq ${executed}`);
  }

  applied({ call, nodeId, seq }: Application): void {
    if (!this.#refused.delete(call) || call.attempts > 1) return;
    this.report(`node ${nodeId} executes call ${call.id} at seq ${seq}, which was refused`);
  }
}
