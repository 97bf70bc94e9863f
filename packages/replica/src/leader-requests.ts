// What is asked of the leader: another membership, another leader. Waits until it has come about, or cannot any more.
import { RequestError, type ChangeResult, type Node, type TransferResult } from "@paxos/core";
import type { EpochRecord, MembershipChange } from "@paxos/proto";
import { cancelled, changeLost, changeRefused, closing, notLeader } from "./refusals.js";

export class LeaderRequests {
  constructor(
    private readonly parts: {
      readonly node: Node;
      readonly nodeId: number;
      /** Gives the node an input; undefined when the driver has stopped. */
      input<T extends ChangeResult | TransferResult>(input: () => T): T | undefined;
      /** Resolves when the node has dealt with more inputs, when the signal is aborted, or when the driver stops. */
      nextMove(signal: AbortSignal | undefined): Promise<void>;
      stopped(): boolean;
    },
  ) {}

  /** Changes the membership. Resolves with the membership that it makes. Rejects with a {@link RequestError}. */
  async changeMembership(change: MembershipChange, signal?: AbortSignal): Promise<EpochRecord> {
    const { node, nodeId } = this.parts;
    const result = this.parts.input(() => node.changeMembership(change));
    if (result === undefined) throw closing();
    if (result.kind === "not_leader") throw notLeader(result.leader);
    if (result.kind === "refused") throw changeRefused(result);
    const wanted = BigInt(result.epoch);
    for (;;) {
      const { epochRecord, leader } = node;
      const made = epochRecord.epoch === wanted && epochRecord.changeId === change.changeId;
      if (epochRecord.epoch >= wanted && !made) throw changeLost();
      const votes = epochRecord.voters.some((voter) => voter.nodeId === BigInt(nodeId));
      // Until somebody leads it, the next change would find no leader.
      if (made && (leader !== undefined || !votes)) return epochRecord;
      if (!made && leader !== nodeId) throw changeLost();
      await this.#nextMove(signal);
    }
  }

  /** Hands the leadership over. Resolves with the new leader. Rejects with a {@link RequestError}. */
  async transferLeadership(to?: number, signal?: AbortSignal): Promise<number> {
    const { node, nodeId } = this.parts;
    const result = this.parts.input(() => node.transferLeadership(to));
    if (result === undefined) throw closing();
    if (result.kind === "leads") return nodeId;
    if (result.kind === "not_leader") throw notLeader(result.leader);
    if (result.kind === "refused") throw new RequestError("refused", result.detail);
    for (;;) {
      const { leader } = node;
      if (leader !== undefined && leader !== nodeId) return leader;
      if (leader === nodeId && !node.transferring) {
        const detail = `node ${result.to} has not taken over in time; node ${nodeId} goes on leading`;
        throw new RequestError("refused", detail);
      }
      await this.#nextMove(signal);
    }
  }

  async #nextMove(signal: AbortSignal | undefined): Promise<void> {
    await this.parts.nextMove(signal);
    if (signal?.aborted === true) throw cancelled();
    if (this.parts.stopped()) throw closing();
  }
}
