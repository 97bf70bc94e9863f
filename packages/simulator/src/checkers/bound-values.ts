import type { Save } from "@paxos/core";
import type { EpochRecord, Message, Proposal, Snapshot, StoredRun } from "@paxos/proto";
import { digestOf } from "../digest.js";
import type { Checker, Report } from "./checker.js";

interface Ballot {
  readonly view: number;
  /** A digest of the value bound to it. */
  readonly value: number;
  /** The voters that have accepted it durably, as bits. */
  accepted: number;
}

/**
 * The heart of Paxos, seen from outside (safety rules 2, 4 and 5): one value per view and seq; what an accept
 * quorum has durably accepted stays, so that every higher view proposes the same value; nobody claims to know as
 * ordered, or applies, what is not; a view has one leader.
 */
export class BoundValues implements Checker {
  readonly #ballots = new Map<number, Ballot[]>();
  readonly #chosen = new Map<number, Ballot>();
  readonly #led = new Map<number, number>();
  readonly #voters: readonly number[];
  readonly #acceptQuorum: number;
  /** Every seq up to here is chosen. */
  chosenUpTo = 0;

  constructor(
    record: EpochRecord,
    private readonly report: Report,
  ) {
    this.#voters = record.voters.map(({ nodeId }) => Number(nodeId));
    this.#acceptQuorum = record.acceptQuorum;
  }

  /** How many views somebody has led. */
  get views(): number {
    return this.#led.size;
  }

  /** A digest of the value that a quorum has accepted at this seq; undefined when none has. */
  chosenValue(seq: number): number | undefined {
    return this.#chosen.get(seq)?.value;
  }

  sent(nodeId: number, { type }: Message): void {
    switch (type.case) {
      case "proposal":
        return this.#checkProposal(nodeId, type.value);
      case "prepareOk":
        for (const message of type.value.dataList) {
          if (message.type.case === "proposal")
            this.#bindAll(message.type.value, `node ${nodeId} has accepted`);
        }
        return this.#checkAru(nodeId, type.case, Number(type.value.localAru));
      case "heartbeat":
      case "accept":
      case "viewChange":
      case "prepare":
      case "catchUpAnswer":
        return this.#checkAru(nodeId, type.case, Number(type.value.localAru));
      default:
    }
  }

  durable(nodeId: number, { state, runs }: Save): void {
    const led = Number(state.ledView ?? 0n);
    if (led > 0) {
      const leader = this.#led.get(led) ?? nodeId;
      if (leader !== nodeId) this.report(`nodes ${leader} and ${nodeId} both lead view ${led}`);
      this.#led.set(led, nodeId);
    }
    const voter = this.#voters.indexOf(nodeId);
    for (const run of runs) if (!run.ordered && voter >= 0) this.#accept(run, 1 << voter);
    this.#checkAru(nodeId, "save", Number(state.localAru));
  }

  applied({ nodeId, seq }: { nodeId: number; seq: number }): void {
    if (seq > this.chosenUpTo)
      this.report(`node ${nodeId} applies seq ${seq}, which no quorum has durably accepted`);
  }

  restored(nodeId: number, seq: number): void {
    if (seq > this.chosenUpTo)
      this.report(`node ${nodeId} is restored to seq ${seq}, which no quorum has durably accepted`);
  }

  snapshotHeld(nodeId: number, { seq }: Snapshot): void {
    if (Number(seq) > this.chosenUpTo)
      this.report(`node ${nodeId} holds a snapshot at seq ${seq}, which no quorum has durably accepted`);
  }

  #checkAru(nodeId: number, where: string, aru: number): void {
    if (aru <= this.chosenUpTo) return;
    this.report(
      `node ${nodeId} claims in a ${where} to know seq ${aru} as ordered; no quorum has durably accepted seq ${this.chosenUpTo + 1}`,
    );
  }

  #checkProposal(nodeId: number, proposal: Proposal): void {
    const view = Number(proposal.view);
    if (this.#voters[view % this.#voters.length] !== nodeId) {
      return this.report(`node ${nodeId} proposes in view ${view}, which it does not lead`);
    }
    this.#bindAll(proposal, `node ${nodeId} proposes`);
  }

  #bindAll(proposal: Proposal, who: string): void {
    const first = Number(proposal.seq);
    for (let i = 0; i < proposal.updates.length; i++) {
      this.#bind(first + i, Number(proposal.view), digestOf(proposal.updates[i] as Uint8Array), who);
    }
  }

  #accept({ proposal }: StoredRun, bit: number): void {
    if (proposal === undefined) return;
    const view = Number(proposal.view);
    const first = Number(proposal.seq);
    for (let i = 0; i < proposal.updates.length; i++) {
      const seq = first + i;
      const ballot = this.#bind(seq, view, digestOf(proposal.updates[i] as Uint8Array), "somebody accepts");
      ballot.accepted |= bit;
      if (countBits(ballot.accepted) < this.#acceptQuorum) continue;
      const chosen = this.#chosen.get(seq);
      if (chosen === undefined) this.#chosen.set(seq, ballot);
      else if (chosen.value !== ballot.value) {
        this.report(`quorums have accepted two values for seq ${seq}, in views ${chosen.view} and ${view}`);
      }
      while (this.#chosen.has(this.chosenUpTo + 1)) this.chosenUpTo++;
    }
  }

  #bind(seq: number, view: number, value: number, who: string): Ballot {
    let ballots = this.#ballots.get(seq);
    if (ballots === undefined) this.#ballots.set(seq, (ballots = []));
    let ballot = ballots.find((candidate) => candidate.view === view);
    if (ballot === undefined) {
      ballot = { view, value, accepted: 0 };
      ballots.push(ballot);
    } else if (ballot.value !== value) {
      this.report(`${who} a second value for seq ${seq} in view ${view}`);
    }
    const chosen = this.#chosen.get(seq);
    if (chosen !== undefined && chosen.view < view && chosen.value !== value) {
      this.report(
        `${who} in view ${view} another value for seq ${seq} than a quorum accepted in view ${chosen.view}`,
      );
    }
    return ballot;
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
