import type { Message } from "@paxos/proto";
import type { Checker } from "../checkers/checker.js";
import type { World } from "../world/world.js";

/** For so long, in microseconds, a transfer counts as under way after its last chunk. */
const lingerUs = 300_000;

/** Who is sending a snapshot to whom, for faults that are to interrupt it. */
export class Transfers implements Checker {
  #last: { readonly sender: number; readonly receiver: number; readonly at: number } | undefined;

  constructor(private readonly world: World) {}

  sent(sender: number, { type, to }: Message): void {
    if (type.case !== "snapshotChunk" || type.value.snapshot === undefined) return;
    this.#last = { sender, receiver: Number(to), at: this.world.now };
  }

  /** The node that is sending one now, or receiving. */
  node(role: "sender" | "receiver"): number | undefined {
    const last = this.#last;
    return last === undefined || this.world.now - last.at > lingerUs ? undefined : last[role];
  }
}
