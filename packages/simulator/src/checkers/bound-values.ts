import type { Save } from "@paxos/core";
import type { Message, Proposal, Snapshot, StoredRun } from "@paxos/proto";
import { digestOf } from "../digest.js";
import type { Checker, Report } from "./checker.js";
import { ballotOf, describeBallot, votersOf, type Epochs } from "./epochs.js";

interface Ballot {
  /** Its epoch and view. */
  readonly ballot: number;
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
  /** Every seq up to here is chosen. */
  chosenUpTo = 0;

  constructor(
    private readonly epochs: Epochs,
    private readonly report: Report,
  ) {}

  /** How many views somebody has led. */
  get views(): number {
    return this.#led.size;
  }

  /** A digest of the value that a quorum has accepted at this seq; undefined when none has. */
  chosenValue(seq: number): number | undefined {
    return this.#chosen.get(seq)?.value;
  }

  sent(nodeId: number, { type, epoch }: Message): void {
    switch (type.case) {
      case "proposal":
        return this.#checkProposal(nodeId, Number(epoch), type.value);
      case "prepareOk":
        for (const message of type.value.dataList) {
          if (message.type.case === "proposal")
            this.#bindAll(message.type.value, Number(epoch), `node ${nodeId} has accepted`);
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
    if (state.ledView !== undefined) {
      const led = ballotOf(state.epochRecord?.epoch ?? 0n, state.ledView);
      const leader = this.#led.get(led) ?? nodeId;
      if (leader !== nodeId) this.report(`nodes ${leader} and ${nodeId} both lead ${describeBallot(led)}`);
      this.#led.set(led, nodeId);
    }
    for (const run of runs) if (!run.ordered) this.#accept(nodeId, run);
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

  #checkProposal(nodeId: number, epoch: number, proposal: Proposal): void {
    const view = Number(proposal.view);
    const record = this.epochs.of(epoch);
    if (record === undefined) {
      return this.report(`node ${nodeId} proposes in epoch ${epoch}, whose stop sign no quorum has accepted`);
    }
    const voters = votersOf(record);
    if (voters[view % voters.length] !== nodeId) {
      return this.report(`node ${nodeId} proposes in view ${view}, which it does not lead`);
    }
    if (view < Number(record.firstView))
      this.report(`node ${nodeId} proposes in view ${view}, below the first one of epoch ${epoch}`);
    if (Number(proposal.seq) <= Number(record.beginsAfter))
      this.report(`node ${nodeId} proposes at seq ${proposal.seq}, which is before epoch ${epoch}`);
    // Who leads a lower view than the one whose stop sign was accepted may not know of it; what it proposes is never ordered.
    const next = this.epochs.of(epoch + 1);
    const ended = this.#chosen.get(Number(next?.beginsAfter ?? 0n))?.ballot ?? Infinity;
    const end = Number(proposal.seq) + proposal.updates.length - 1;
    if (next !== undefined && ballotOf(epoch, view) >= ended && end > Number(next.beginsAfter))
      this.report(`node ${nodeId} proposes at seq ${end}, which is behind the end of epoch ${epoch}`);
    this.#bindAll(proposal, epoch, `node ${nodeId} proposes`);
  }

  #bindAll(proposal: Proposal, epoch: number, who: string): void {
    const first = Number(proposal.seq);
    for (let i = 0; i < proposal.updates.length; i++) {
      this.#bind(first + i, ballotOf(epoch, proposal.view), digestOf(proposal.updates[i] as Uint8Array), who);
    }
  }

  #accept(nodeId: number, { proposal, epoch }: StoredRun): void {
    const record = this.epochs.of(Number(epoch));
    if (proposal === undefined) return;
    if (record === undefined) {
      return this.report(`node ${nodeId} accepts in epoch ${epoch}, whose stop sign no quorum has accepted`);
    }
    const voter = votersOf(record).indexOf(nodeId);
    if (voter < 0) return;
    const number = ballotOf(epoch, proposal.view);
    const first = Number(proposal.seq);
    for (let i = 0; i < proposal.updates.length; i++) {
      const seq = first + i;
      const update = proposal.updates[i] as Uint8Array;
      const ballot = this.#bind(seq, number, digestOf(update), "somebody accepts");
      ballot.accepted |= 1 << voter;
      if (countBits(ballot.accepted) < record.acceptQuorum) continue;
      const chosen = this.#chosen.get(seq);
      if (chosen === undefined) {
        this.#chosen.set(seq, ballot);
        this.epochs.chosen(update);
      } else if (chosen.value !== ballot.value) {
        this.report(
          `quorums have accepted two values for seq ${seq}, in ${describeBallot(chosen.ballot)} and ${describeBallot(number)}`,
        );
      }
      while (this.#chosen.has(this.chosenUpTo + 1)) this.chosenUpTo++;
    }
  }

  #bind(seq: number, number: number, value: number, who: string): Ballot {
    let ballots = this.#ballots.get(seq);
    if (ballots === undefined) this.#ballots.set(seq, (ballots = []));
    let ballot = ballots.find((candidate) => candidate.ballot === number);
    if (ballot === undefined) {
      ballot = { ballot: number, value, accepted: 0 };
      ballots.push(ballot);
    } else if (ballot.value !== value) {
      this.report(`${who} a second value for seq ${seq} in ${describeBallot(number)}`);
    }
    const chosen = this.#chosen.get(seq);
    if (chosen !== undefined && chosen.ballot < number && chosen.value !== value) {
      this.report(
        `${who} in ${describeBallot(number)} another value for seq ${seq} than a quorum accepted in ${describeBallot(chosen.ballot)}`,
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
