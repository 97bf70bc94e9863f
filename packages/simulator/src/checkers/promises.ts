import type { Save, StoredState } from "@paxos/core";
import type { Message, PersistentState, PrepareOK, Proposal } from "@paxos/proto";
import type { Checker, Report } from "./checker.js";
import { ballotOf, describeBallot } from "./epochs.js";

interface Node {
  /** What is durable; views as ballots. */
  promised: number;
  led: number;
  aru: number;
  /** The highest ballot durably accepted at each seq. */
  readonly accepted: Map<number, number>;
  /** Since its start: what it has told of itself. */
  toldAru: number;
  toldPromise: number;
  /** By ballot, the greatest ARU in the Prepares that it was given. */
  readonly prepares: Map<number, number>;
  /** The ballot found as led when it started: it must lead a higher one. */
  ledBefore: number;
}

/**
 * Safety rules 1, 2 and 4, seen from outside: nothing leaves a node before what it rests on is durable; what is
 * durable never goes back; a PrepareOK tells of everything that its sender has accepted; no acceptance is below a
 * promise.
 */
export class Promises implements Checker {
  readonly #nodes = new Map<number, Node>();

  constructor(private readonly report: Report) {}

  /** The ballot that a node has durably promised. */
  promisedBy(nodeId: number): number {
    return this.#node(nodeId).promised;
  }

  started(nodeId: number, { state }: StoredState): void {
    const node = this.#node(nodeId);
    node.toldAru = 0;
    node.toldPromise = 0;
    node.prepares.clear();
    node.ledBefore = ledBallot(state) ?? node.ledBefore;
  }

  /** What it had promised is lost: see rule 8. */
  exchanged(nodeId: number, { state, runs }: StoredState): void {
    const node = this.#node(nodeId);
    Object.assign(node, {
      promised: ballotOf(state?.epochRecord?.epoch ?? 0n, state?.promisedView ?? 0n),
      led: ledBallot(state) ?? 0,
      aru: Number(state?.localAru ?? 0n),
    });
    node.accepted.clear();
    for (const { ordered, proposal, epoch } of runs) {
      if (!ordered && proposal) noteAccepted(node, epoch, proposal);
    }
  }

  delivered(nodeId: number, { type, epoch }: Message): void {
    if (type.case !== "prepare") return;
    const { prepares } = this.#node(nodeId);
    const ballot = ballotOf(epoch, type.value.view);
    const aru = Number(type.value.localAru);
    // A view is led in one life of its leader, which knows at least this much, however late it says so.
    prepares.set(ballot, Math.max(prepares.get(ballot) ?? aru, aru));
  }

  durable(nodeId: number, { state, runs }: Save): void {
    const node = this.#node(nodeId);
    const epoch = Number(state.epochRecord?.epoch ?? 0n);
    const promised = ballotOf(epoch, state.promisedView);
    const aru = Number(state.localAru);
    // In a new epoch nothing is led yet; in the same one nothing is forgotten.
    const led = ledBallot(state) ?? (node.led < ballotOf(epoch, 0) ? node.led : 0);
    if (promised < node.promised || aru < node.aru || led < node.led) {
      this.report(
        `node ${nodeId} saves a promise of ${describeBallot(promised)}, ARU ${aru}, led ${describeBallot(led)} after ${describeBallot(node.promised)}, ${node.aru}, ${describeBallot(node.led)}`,
      );
    }
    // What is accepted in this save was accepted after the one before had left.
    for (const run of runs) {
      if (!run.ordered && run.proposal) this.#accepts(nodeId, node, run.epoch, run.proposal, promised);
    }
    Object.assign(node, { promised, aru, led });
  }

  sent(nodeId: number, { type, to, epoch }: Message): void {
    const node = this.#node(nodeId);
    const rests = (view: bigint, what: string) => {
      // View 0 is nobody's, and promising it means nothing.
      if (view > 0n && node.promised < ballotOf(epoch, view))
        this.report(`node ${nodeId} sends ${what} of view ${view}, which is not durable`);
    };
    const leads = (view: bigint, what: string) => {
      const ballot = ballotOf(epoch, view);
      if (node.led < ballot)
        this.report(`node ${nodeId} sends ${what} of view ${view} before it durably leads it`);
      if (ballot <= node.ledBefore) {
        this.report(
          `node ${nodeId} sends ${what} of view ${view}, though it led ${describeBallot(node.ledBefore)} before it was restarted`,
        );
      }
    };
    switch (type.case) {
      case "accept":
        rests(type.value.view, "an Accept");
        return this.#checkAccept(nodeId, node, ballotOf(epoch, type.value.view), Number(type.value.seq));
      case "prepareOk":
        rests(type.value.view, "a PrepareOK");
        return this.#checkPrepareOK(nodeId, node, Number(epoch), type.value, Number(to));
      case "prepare":
        return leads(type.value.view, "a Prepare");
      case "proposal":
        return leads(type.value.view, "a Proposal");
      case "heartbeat": {
        const { promisedView, view, leading, preparing, localAru } = type.value;
        rests(promisedView, "a heartbeat's promise");
        if (leading || preparing) leads(view, "a heartbeat");
        const promise = ballotOf(epoch, promisedView);
        if (Number(localAru) < node.toldAru || promise < node.toldPromise) {
          this.report(
            `node ${nodeId} tells ARU ${localAru}, promise of ${describeBallot(promise)} after ${node.toldAru}, ${describeBallot(node.toldPromise)}`,
          );
        }
        node.toldAru = Number(localAru);
        node.toldPromise = promise;
        return;
      }
      default:
    }
  }

  #accepts(nodeId: number, node: Node, epoch: bigint, proposal: Proposal, promised: number): void {
    const ballot = ballotOf(epoch, proposal.view);
    if (ballot < node.promised || ballot > promised) {
      this.report(
        `node ${nodeId} accepts in ${describeBallot(ballot)}, between the promises of ${describeBallot(node.promised)} and ${describeBallot(promised)}`,
      );
    }
    noteAccepted(node, epoch, proposal);
  }

  #checkAccept(nodeId: number, node: Node, ballot: number, seq: number): void {
    if (seq <= node.aru || (node.accepted.get(seq) ?? 0) >= ballot) return;
    this.report(
      `node ${nodeId} sends an Accept of seq ${seq} in ${describeBallot(ballot)}, which is not durable`,
    );
  }

  #checkPrepareOK(nodeId: number, node: Node, epoch: number, answer: PrepareOK, leader: number): void {
    const ballot = ballotOf(epoch, answer.view);
    const oldest = ballotOf(epoch, 0);
    const told = new Map<number, number>();
    for (const { type } of answer.dataList) {
      if (type.case !== "proposal") continue;
      type.value.updates.forEach((_, i) =>
        told.set(Number(type.value.seq) + i, ballotOf(epoch, type.value.view)),
      );
    }
    const from = Math.max(Number(answer.localAru), node.prepares.get(ballot) ?? 0);
    for (const [seq, accepted] of node.accepted) {
      // What was accepted in an epoch that is over counts no more (safety rule 7).
      if (seq <= from || accepted < oldest || accepted >= ballot || (told.get(seq) ?? -1) >= accepted)
        continue;
      this.report(
        `node ${nodeId} does not tell node ${leader} in its PrepareOK of view ${answer.view} that it accepted seq ${seq} in ${describeBallot(accepted)}`,
      );
    }
  }

  #node(nodeId: number): Node {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = {
        promised: 0,
        led: 0,
        aru: 0,
        accepted: new Map(),
        toldAru: 0,
        toldPromise: 0,
        prepares: new Map(),
        ledBefore: 0,
      };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }
}

function ledBallot(state: PersistentState | undefined): number | undefined {
  if (state?.ledView === undefined) return undefined;
  return ballotOf(state.epochRecord?.epoch ?? 0n, state.ledView);
}

function noteAccepted({ accepted }: Node, epoch: bigint, { view, seq, updates }: Proposal): void {
  const ballot = ballotOf(epoch, view);
  for (let i = 0; i < updates.length; i++) {
    const at = Number(seq) + i;
    if ((accepted.get(at) ?? 0) < ballot) accepted.set(at, ballot);
  }
}
