// Linearizable reads, checked at the level of seqs: whoever has applied a seq may have answered somebody.
import type { Cluster, Member } from "./cluster.js";

interface Reading {
  readonly number: number;
  /** The greatest seq that anybody had applied when it was asked for. */
  readonly least: number;
}

/** Asks for reads, and throws when one is served too early. */
export class ReadChecker {
  served = 0;
  /** Of the processes that live. */
  readonly #open = new Map<Member, Reading[]>();
  /** The greatest seq that any node has ever applied. */
  #greatest = 0;

  constructor(private readonly cluster: Cluster) {
    cluster.onReadable = (id, number) => this.#onReadable(cluster.member(id), number);
  }

  /** What nodes have applied, each time before anything is asked for. */
  look(): void {
    for (const { applied } of this.cluster.members) this.#greatest = Math.max(this.#greatest, applied.length);
  }

  read(member: Member): void {
    this.look();
    const result = member.node?.read();
    if (result?.kind === "queued") {
      const open = this.#open.get(member) ?? [];
      open.push({ number: result.number, least: this.#greatest });
      this.#open.set(member, open);
    }
    this.cluster.pump(member.id);
  }

  /** A process ends, and whoever waited for it. */
  forget(member: Member): void {
    this.#open.delete(member);
  }

  /** Those that wait at members of the cluster. */
  get waiting(): number {
    let waiting = 0;
    for (const [member, open] of this.#open) if (member.node?.removed === false) waiting += open.length;
    return waiting;
  }

  #onReadable(member: Member, number: number): void {
    const open = this.#open.get(member) ?? [];
    for (const reading of open) {
      if (reading.number > number) continue;
      this.served++;
      if (member.applied.length < reading.least) {
        throw new Error(
          `stale read: node ${member.id} serves read ${reading.number} at seq ${member.applied.length}, seq ${reading.least} had been applied before it was asked for`,
        );
      }
    }
    this.#open.set(
      member,
      open.filter((reading) => reading.number > number),
    );
  }
}
