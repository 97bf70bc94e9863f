import type { Message } from "@paxos/proto";
import type { Checker, Report } from "./checker.js";

/**
 * A node whose storage has failed does not know what is on its disk: until it is restarted it promises, accepts and leads
 * nothing, and acknowledges nothing.
 */
export class FailedStorage implements Checker {
  readonly #failed = new Set<number>();

  constructor(private readonly report: Report) {}

  started(nodeId: number): void {
    this.#failed.delete(nodeId);
  }

  storageFailed(nodeId: number): void {
    this.#failed.add(nodeId);
  }

  acknowledges(nodeId: number): void {
    if (this.#failed.has(nodeId))
      this.report(`node ${nodeId} acknowledges an update though its storage has failed`);
  }

  saveBegins(nodeId: number): void {
    if (this.#failed.has(nodeId)) this.report(`node ${nodeId} saves though its storage has failed`);
  }

  sent(nodeId: number, { type }: Message): void {
    if (!this.#failed.has(nodeId)) return;
    const says = (what: string) => this.report(`node ${nodeId} sends ${what} though its storage has failed`);
    switch (type.case) {
      case "accept":
        return says("an Accept");
      case "prepareOk":
        return says("a PrepareOK");
      case "prepare":
        return says("a Prepare");
      case "proposal":
        return says("a Proposal");
      case "viewChange":
        return says("a ViewChange");
      case "heartbeat":
        if (type.value.leading || type.value.preparing) says("a heartbeat as a leader");
        return;
      default:
    }
  }
}
