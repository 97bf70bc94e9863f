import type { Call } from "../clients/call.js";
import type { Checker, Report } from "./checker.js";
import type { OneOrder } from "./one-order.js";

/**
 * What a client was told to be ordered was, there, with this answer; and stays so: the order never changes, see
 * {@link OneOrder}.
 */
export class Acknowledged implements Checker {
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
}
