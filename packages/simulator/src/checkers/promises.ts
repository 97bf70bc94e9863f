import type { Save, StoredState } from "@paxos/core";
import type { Message, PrepareOK, Proposal } from "@paxos/proto";
import type { Checker, Report } from "./checker.js";

interface Node {
  /** What is durable. */
  promised: number;
  led: number;
  aru: number;
  /** The highest view durably accepted at each seq. */
  readonly accepted: Map<number, number>;
  /** Since its start: what it has told of itself. */
  toldAru: number;
  toldPromise: number;
  /** By view, the greatest ARU in the Prepares that it was given. */
  readonly prepares: Map<number, number>;
  /** The view found as led when it started: it must lead a higher one. */
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

  /** The view that a node has durably promised. */
  promisedBy(nodeId: number): number {
    return this.#node(nodeId).promised;
  }

  started(nodeId: number, { state }: StoredState): void {
    const node = this.#node(nodeId);
    node.toldAru = 0;
    node.toldPromise = 0;
    node.prepares.clear();
    node.ledBefore = Number(state?.ledView ?? 0n);
  }

  /** What it had promised is lost: see rule 8. */
  exchanged(nodeId: number, { state, runs }: StoredState): void {
    const node = this.#node(nodeId);
    Object.assign(node, {
      promised: Number(state?.promisedView ?? 0n),
      led: Number(state?.ledView ?? 0n),
      aru: Number(state?.localAru ?? 0n),
    });
    node.accepted.clear();
    for (const { ordered, proposal } of runs) if (!ordered && proposal) noteAccepted(node, proposal);
  }

  delivered(nodeId: number, { type }: Message): void {
    if (type.case !== "prepare") return;
    const { prepares } = this.#node(nodeId);
    const view = Number(type.value.view);
    const aru = Number(type.value.localAru);
    // A view is led in one life of its leader, which knows at least this much, however late it says so.
    prepares.set(view, Math.max(prepares.get(view) ?? aru, aru));
  }

  durable(nodeId: number, { state, runs }: Save): void {
    const node = this.#node(nodeId);
    const promised = Number(state.promisedView);
    const aru = Number(state.localAru);
    const led = Number(state.ledView ?? 0n);
    if (promised < node.promised || aru < node.aru || led < node.led) {
      this.report(
        `node ${nodeId} saves promise ${promised}, ARU ${aru}, led view ${led} after ${node.promised}, ${node.aru}, ${node.led}`,
      );
    }
    // What is accepted in this save was accepted after the one before had left.
    for (const { ordered, proposal } of runs)
      if (!ordered && proposal) this.#accepts(nodeId, node, proposal, promised);
    Object.assign(node, { promised, aru, led });
  }

  sent(nodeId: number, { type, to }: Message): void {
    const node = this.#node(nodeId);
    const rests = (view: number, what: string) => {
      if (node.promised < view)
        this.report(`node ${nodeId} sends ${what} of view ${view}, which is not durable`);
    };
    const leads = (view: number, what: string) => {
      if (node.led < view)
        this.report(`node ${nodeId} sends ${what} of view ${view} before it durably leads it`);
      if (view <= node.ledBefore) {
        this.report(
          `node ${nodeId} sends ${what} of view ${view}, though it led view ${node.ledBefore} before it was restarted`,
        );
      }
    };
    switch (type.case) {
      case "accept":
        rests(Number(type.value.view), "an Accept");
        return this.#checkAccept(nodeId, node, Number(type.value.view), Number(type.value.seq));
      case "prepareOk":
        rests(Number(type.value.view), "a PrepareOK");
        return this.#checkPrepareOK(nodeId, node, type.value, Number(to));
      case "prepare":
        return leads(Number(type.value.view), "a Prepare");
      case "proposal":
        return leads(Number(type.value.view), "a Proposal");
      case "heartbeat": {
        const { promisedView, view, leading, preparing, localAru } = type.value;
        rests(Number(promisedView), "a heartbeat's promise");
        if (leading || preparing) leads(Number(view), "a heartbeat");
        if (Number(localAru) < node.toldAru || Number(promisedView) < node.toldPromise) {
          this.report(
            `node ${nodeId} tells ARU ${localAru}, promise ${promisedView} after ${node.toldAru}, ${node.toldPromise}`,
          );
        }
        node.toldAru = Number(localAru);
        node.toldPromise = Number(promisedView);
        return;
      }
      default:
    }
  }

  #accepts(nodeId: number, node: Node, proposal: Proposal, promised: number): void {
    const view = Number(proposal.view);
    if (view < node.promised || view > promised) {
      this.report(
        `node ${nodeId} accepts in view ${view}, between the promises ${node.promised} and ${promised}`,
      );
    }
    noteAccepted(node, proposal);
  }

  #checkAccept(nodeId: number, node: Node, view: number, seq: number): void {
    if (seq <= node.aru || (node.accepted.get(seq) ?? 0) >= view) return;
    this.report(`node ${nodeId} sends an Accept of seq ${seq} in view ${view}, which is not durable`);
  }

  #checkPrepareOK(nodeId: number, node: Node, answer: PrepareOK, leader: number): void {
    const view = Number(answer.view);
    const told = new Map<number, number>();
    for (const { type } of answer.dataList) {
      if (type.case !== "proposal") continue;
      type.value.updates.forEach((_, i) => told.set(Number(type.value.seq) + i, Number(type.value.view)));
    }
    const from = Math.max(Number(answer.localAru), node.prepares.get(view) ?? 0);
    for (const [seq, accepted] of node.accepted) {
      if (seq <= from || accepted >= view || (told.get(seq) ?? -1) >= accepted) continue;
      this.report(
        `node ${nodeId} does not tell node ${leader} in its PrepareOK of view ${view} that it accepted seq ${seq} in view ${accepted}`,
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

function noteAccepted({ accepted }: Node, { view, seq, updates }: Proposal): void {
  for (let i = 0; i < updates.length; i++) {
    const at = Number(seq) + i;
    if ((accepted.get(at) ?? 0) < Number(view)) accepted.set(at, Number(view));
  }
}
