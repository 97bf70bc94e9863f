import type { Save, StoredState } from "@paxos/core";
import { digestOf } from "../digest.js";
import type { BoundValues } from "./bound-values.js";
import type { Checker, Report } from "./checker.js";
import { ballotOf } from "./epochs.js";

interface Held {
  readonly rank: number;
  readonly value: number;
}

/**
 * What a node's storage gives for a seq that is marked there as ordered is what a quorum has accepted: nothing is
 * missing, and no older value outranks it (the rule of `Storage.read`, safety rule 3).
 */
export class StoredOrder implements Checker {
  /** By node and seq, what counts of all that was saved. */
  readonly #held = new Map<number, Held[]>();
  /** By node, the seq up to which that has been checked. */
  readonly #checked = new Map<number, number>();

  constructor(
    private readonly bound: BoundValues,
    private readonly report: Report,
  ) {}

  exchanged(nodeId: number, { state, runs }: StoredState): void {
    this.#held.delete(nodeId);
    this.#checked.set(nodeId, Number(state?.localAru ?? 0n));
    this.#hold(nodeId, runs);
  }

  durable(nodeId: number, { state, runs, install }: Save): void {
    const held = this.#hold(nodeId, runs);
    // What a snapshot covers is not asked for any more.
    let checked = Math.max(this.#checked.get(nodeId) ?? 0, Number(install?.seq ?? 0n));
    while (checked < Number(state.localAru)) {
      const value = held[++checked]?.value;
      if (value === this.bound.chosenValue(checked)) continue;
      const what = value === undefined ? "nothing" : "something else than a quorum has accepted";
      this.report(`node ${nodeId} marks seq ${checked} as ordered, and its storage holds ${what} there`);
    }
    this.#checked.set(nodeId, checked);
  }

  #hold(nodeId: number, runs: StoredState["runs"]): readonly Held[] {
    const held = this.#held.get(nodeId) ?? [];
    this.#held.set(nodeId, held);
    for (const { ordered, proposal, epoch } of runs) {
      const rank = ordered ? Infinity : ballotOf(epoch, proposal?.view ?? 0n);
      proposal?.updates.forEach((update, i) => {
        const seq = Number(proposal.seq) + i;
        if ((held[seq]?.rank ?? -1) < rank) held[seq] = { rank, value: digestOf(update) };
      });
    }
    return held;
  }
}
