import type { Heartbeat, Message } from "@paxos/proto";
import type { Checker, Report } from "./checker.js";
import { ballotOf, describeBallot, votersOf, type Epochs } from "./epochs.js";

/** A promise, with which ARU, and the ticks at which it was told that first, and last. */
interface Told {
  readonly ballot: number;
  readonly aru: number;
  readonly since: number;
  last: number;
}

interface Node {
  /** Ticks of its clock since it started. */
  ticks: number;
  /** The tick at which it was last given a message by each peer. */
  readonly heard: Map<number, number>;
  /** What it was told of each voter's promise. */
  readonly promises: Map<number, Told>;
  /** The tick at which the save under way began. */
  savingSince: number | undefined;
  /** The view that it last led, and the tick at which it began to. */
  leading: { readonly ballot: number; readonly since: number };
}

/** Who still leads one tick after the limit leads a tick too long: messages and ticks may come in either order. */
const slackTicks = 2;

/**
 * Who may lead, and for how long (sections "Check quorum" and "Election" of the protocol): not who hears no accept
 * quorum, not who cannot save, not who has not been promised it. Counts attempts at views, for phases in which
 * nobody should make one.
 */
export class Leadership implements Checker {
  readonly #nodes = new Map<number, Node>();
  /** Those who have sent a PrepareOK of each ballot. */
  readonly #promised = new Map<number, Set<number>>();
  readonly #attempts = new Map<number, number>();

  constructor(
    private readonly epochs: Epochs,
    private readonly progressTicks: number,
    private readonly report: Report,
  ) {}

  /** How often a node has said that it attempts a view. */
  attemptsOf(nodeId: number): number {
    return this.#attempts.get(nodeId) ?? 0;
  }

  started(nodeId: number): void {
    this.#nodes.set(nodeId, {
      ticks: 0,
      heard: new Map(),
      promises: new Map(),
      savingSince: undefined,
      leading: { ballot: 0, since: 0 },
    });
  }

  ticked(nodeId: number): void {
    this.#node(nodeId).ticks++;
  }

  saveBegins(nodeId: number): void {
    const node = this.#node(nodeId);
    node.savingSince = node.ticks;
  }

  saveEnds(nodeId: number): void {
    this.#node(nodeId).savingSince = undefined;
  }

  delivered(nodeId: number, { from, type, epoch }: Message): void {
    const { heard, promises, ticks } = this.#node(nodeId);
    const peer = Number(from);
    heard.set(peer, ticks);
    if (type.case !== "heartbeat") return;
    const { promisedView, localAru } = type.value;
    const told = { ballot: ballotOf(epoch, promisedView), aru: Number(localAru), since: ticks, last: ticks };
    const known = promises.get(peer);
    // Late ones tell of what was before.
    if (known !== undefined && told.ballot >= known.ballot) known.last = ticks;
    const isNews =
      told.ballot > (known?.ballot ?? 0) || (told.ballot === known?.ballot && told.aru > known.aru);
    // View 0 is nobody's: to promise it means nothing.
    if (promisedView > 0n && isNews) promises.set(peer, told);
  }

  sent(nodeId: number, { type, epoch }: Message): void {
    switch (type.case) {
      case "viewChange":
        this.#attempts.set(nodeId, this.attemptsOf(nodeId) + 1);
        return;
      case "prepareOk": {
        const ballot = ballotOf(epoch, type.value.view);
        this.#promised.set(ballot, (this.#promised.get(ballot) ?? new Set()).add(nodeId));
        return;
      }
      case "proposal":
        return this.#checkPromised(nodeId, Number(epoch), Number(type.value.view));
      case "heartbeat":
        if (type.value.leading) this.#checkLeader(nodeId, Number(epoch), type.value);
        return;
      default:
    }
  }

  #checkPromised(nodeId: number, epoch: number, view: number): void {
    const record = this.epochs.of(epoch);
    // The first view of a later epoch needs no promises: there is none below.
    if (record === undefined || (epoch > 0 && view === Number(record.firstView))) return;
    const promised = this.#promised.get(ballotOf(epoch, view));
    const count = votersOf(record).filter((voter) => voter === nodeId || promised?.has(voter)).length;
    if (count >= record.prepareQuorum) return;
    this.report(`node ${nodeId} proposes in view ${view}, which ${count} voters have promised`);
  }

  #checkLeader(nodeId: number, epoch: number, heartbeat: Heartbeat): void {
    const view = Number(heartbeat.view);
    const record = this.epochs.of(epoch);
    if (record === undefined) return this.report(`node ${nodeId} leads epoch ${epoch}, which has not begun`);
    const ballot = ballotOf(epoch, view);
    const voters = votersOf(record);
    const node = this.#node(nodeId);
    const { ticks, heard, savingSince } = node;
    const limit = this.progressTicks + slackTicks;
    if (node.leading.ballot !== ballot) node.leading = { ballot, since: ticks };
    // It may have waited long for the promises that let it lead; a node asks itself at every tick.
    if (ticks - node.leading.since < slackTicks) return;
    const hears = voters.filter(
      (voter) => voter === nodeId || ticks - (heard.get(voter) ?? -Infinity) <= limit,
    );
    if (hears.length < record.acceptQuorum) {
      return this.report(
        `node ${nodeId} leads view ${view} though it hears ${hears.length} voters, itself included`,
      );
    }
    const isFirst = epoch > 0 && view === Number(record.firstView);
    for (const [voter, promise] of node.promises) {
      // Who is not heard any longer does not count.
      const told =
        ticks - promise.since >= slackTicks && ticks - (heard.get(voter) ?? 0) < this.progressTicks >> 1;
      // Of a later epoch only who has more: one that has just joined it has nothing, and nothing to say.
      const isLater = promise.ballot >= ballotOf(epoch + 1, 0);
      const counts = !isLater || promise.aru > Number(heartbeat.localAru);
      // What it was told in another epoch it has forgotten, and is told again by the next heartbeat.
      const hasForgotten = (isLater || isFirst) && promise.last <= node.leading.since;
      if (promise.ballot > ballot && counts && told && !hasForgotten && voters.includes(voter)) {
        return this.report(
          `node ${nodeId} leads view ${view} though node ${voter} told it of its promise of ${describeBallot(promise.ballot)}`,
        );
      }
    }
    if (savingSince !== undefined && ticks - savingSince > limit) {
      this.report(
        `node ${nodeId} leads view ${view} though a save of its has been under way for ${ticks - savingSince} ticks`,
      );
    }
  }

  #node(nodeId: number): Node {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      this.started(nodeId);
      node = this.#nodes.get(nodeId) as Node;
    }
    return node;
  }
}
