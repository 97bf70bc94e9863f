import { equalBytes } from "../digest.js";
import type { Operation } from "../workload.js";
import type { Call } from "./call.js";

/** All calls of a run. */
export class Calls {
  readonly all: Call[] = [];
  ordered = 0;
  rejected = 0;
  unknown = 0;
  retries = 0;

  add(call: Omit<Call, "id" | "attempts" | "outcome" | "result" | "seq" | "end">): Call {
    const made: Call = {
      ...call,
      id: this.all.length,
      attempts: 0,
      outcome: "pending",
      result: undefined,
      seq: undefined,
      end: Infinity,
    };
    this.all.push(made);
    return made;
  }

  /** The call with this id, if this is what it sent. */
  find(id: number, update: Uint8Array): Call | undefined {
    const call = this.all[id];
    return call !== undefined && equalBytes(call.update, update) ? call : undefined;
  }

  end(call: Call, outcome: "ordered" | "rejected" | "unknown"): void {
    call.outcome = outcome;
    this[outcome]++;
  }

  /** What workloads judge. What was rejected was not executed, and is left out. */
  history(): Operation[] {
    return this.all
      .filter(({ outcome }) => outcome !== "rejected")
      .map(({ client, update, result, start, end }) => ({ client, update, result, start, end }));
  }
}
