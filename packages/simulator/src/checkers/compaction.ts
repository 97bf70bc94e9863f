import type { Save, StoredState } from "@paxos/core";
import type { Message, Snapshot } from "@paxos/proto";
import type { Checker, Report } from "./checker.js";

interface Node {
  /** What is durable. */
  aru: number;
  /** The seq of the latest snapshot; 0 without one. */
  covered: number;
  firstSeq: number;
  /** Of each peer that has asked for something since the node's start: the first seq that it needs of the log. */
  readonly needs: Map<number, number>;
}

/**
 * What a node holds reaches from the first update to its ARU without a gap, at all times: the log goes on where the
 * latest snapshot ends, or begins below. A snapshot is of what is durably ordered there, and never older than the one before.
 */
export class Compaction implements Checker {
  /** How many snapshots nodes have taken; how many of a peer's have taken the place of a log. */
  taken = 0;
  installed = 0;
  /** How often a log was dropped. */
  compactions = 0;
  readonly #nodes = new Map<number, Node>();
  readonly #installs = new Map<number, number>();

  constructor(private readonly report: Report) {}

  started(nodeId: number, { state, snapshots, firstSeq = 1 }: StoredState): void {
    const node = this.#node(nodeId);
    node.needs.clear();
    const found = {
      aru: Number(state?.localAru ?? 0n),
      covered: Number(snapshots?.at(-1)?.seq ?? 0n),
      firstSeq,
    };
    for (const name of ["aru", "covered", "firstSeq"] as const) {
      if (found[name] !== node[name])
        this.report(`node ${nodeId} starts with ${name} ${found[name]}, it was ${node[name]}`);
    }
    this.#check(nodeId, node);
  }

  exchanged(nodeId: number, { state, snapshots, firstSeq = 1 }: StoredState): void {
    this.#nodes.set(nodeId, {
      aru: Number(state?.localAru ?? 0n),
      covered: Number(snapshots?.at(-1)?.seq ?? 0n),
      firstSeq,
      needs: new Map(),
    });
  }

  delivered(nodeId: number, { from, type }: Message): void {
    const { needs, covered } = this.#node(nodeId);
    if (type.case === "catchUpRequest") needs.set(Number(from), Number(type.value.seq));
    if (type.case !== "snapshotRequest") return;
    // Of one that is not held any more it is sent the latest.
    const seq = Number(type.value.seq);
    needs.set(Number(from), (seq === 0 ? covered : Math.min(seq, covered)) + 1);
  }

  /** How often a node has installed a snapshot. */
  installsOf(nodeId: number): number {
    return this.#installs.get(nodeId) ?? 0;
  }

  /** Where a node's log must begin at the latest when it has dropped what it may, with such a tail. */
  dueFirstSeq(nodeId: number, tailUpdates: number): number {
    const { covered, needs } = this.#node(nodeId);
    return Math.min(covered + 1 - tailUpdates, ...needs.values());
  }

  durable(nodeId: number, { state, install }: Save): void {
    const node = this.#node(nodeId);
    node.aru = Number(state.localAru);
    if (install === undefined) return this.#check(nodeId, node);
    this.installed++;
    this.#installs.set(nodeId, this.installsOf(nodeId) + 1);
    const seq = Number(install.seq);
    if (seq > node.aru)
      this.report(`node ${nodeId} installs a snapshot at seq ${seq}, its ARU is ${node.aru}`);
    if (seq <= node.covered)
      this.report(`node ${nodeId} installs a snapshot at seq ${seq}, it holds one at ${node.covered}`);
    node.covered = seq;
    node.firstSeq = seq + 1;
  }

  snapshotHeld(nodeId: number, snapshot: Snapshot): void {
    this.taken++;
    const node = this.#node(nodeId);
    const seq = Number(snapshot.seq);
    if (seq > node.aru)
      this.report(`node ${nodeId} holds a snapshot at seq ${seq}, its durable ARU is ${node.aru}`);
    if (seq <= node.covered)
      this.report(`node ${nodeId} holds a snapshot at seq ${seq}, after one at ${node.covered}`);
    node.covered = seq;
  }

  compacted(nodeId: number, firstSeq: number): void {
    this.compactions++;
    const node = this.#node(nodeId);
    if (firstSeq < node.firstSeq)
      this.report(`the log of node ${nodeId} begins at seq ${firstSeq}, after it began at ${node.firstSeq}`);
    node.firstSeq = firstSeq;
    this.#check(nodeId, node);
  }

  #check(nodeId: number, { firstSeq, covered }: Node): void {
    if (firstSeq <= covered + 1) return;
    this.report(
      `node ${nodeId} has dropped its log below seq ${firstSeq}, its latest snapshot is at seq ${covered}`,
    );
  }

  #node(nodeId: number): Node {
    let node = this.#nodes.get(nodeId);
    if (node === undefined)
      this.#nodes.set(nodeId, (node = { aru: 0, covered: 0, firstSeq: 1, needs: new Map() }));
    return node;
  }
}
