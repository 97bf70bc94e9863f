import { Role } from "@paxos/proto";
import type { BoundValues } from "./checkers/bound-values.js";
import { ballotOf, memberIdsOf, type Epochs } from "./checkers/epochs.js";
import type { Promises } from "./checkers/promises.js";
import type { OneOrder } from "./checkers/one-order.js";
import type { Calls } from "./clients/calls.js";
import type { Host } from "./world/host.js";

/** How a cluster stands: what must become true once faults have ended. */
export class Standing {
  constructor(
    private readonly parts: {
      readonly hosts: readonly Host[];
      /** The node that is ill for good. Nothing is asked of it. */
      readonly ill: Host | undefined;
      readonly epochs: Epochs;
      readonly order: OneOrder;
      readonly bound: BoundValues;
      readonly promises: Promises;
      readonly calls: Calls;
    },
  ) {}

  /** The nodes that must recover. */
  get healthy(): Host[] {
    const { hosts, ill, epochs } = this.parts;
    return hosts.filter((host) => host !== ill && !host.isLost && epochs.has(host.id));
  }

  /** Who leads, of those. */
  get leader(): Host | undefined {
    return this.healthy.find((host) => host.leads !== undefined);
  }

  /** Whether everybody knows the same leader, and nobody has promised above its view. */
  get agreesOnLeader(): boolean {
    const statuses = this.healthy.map((host) => host.process?.status());
    const [first] = statuses;
    return (
      first?.leaderId !== undefined &&
      Number(first.epoch) === Number(this.parts.epochs.latest.epoch) &&
      statuses.every(
        (status) =>
          status?.leaderId === first.leaderId && status?.view === first.view && status?.epoch === first.epoch,
      ) &&
      this.healthy.every(({ id }) => this.parts.promises.promisedBy(id) <= ballotOf(first.epoch, first.view))
    );
  }

  /** Whether everybody who was removed knows it, and has gone. */
  get removedAreOut(): boolean {
    const { hosts, ill, epochs } = this.parts;
    return hosts.every((host) => {
      if (epochs.has(host.id) || host === ill || host.isLost || !host.isUp) return true;
      // All that it knows of are gone: nobody is left to tell it.
      const known = host.process?.epochRecord;
      return (
        known !== undefined && memberIdsOf(known).every((id) => id === host.id || hosts[id]?.isUp !== true)
      );
    });
  }

  /** Whether every node that came back with an empty or older disk has been sent away (safety rule 8). */
  get lostDisksAreOut(): boolean {
    return !this.parts.hosts.some((host) => host.lostItsDisk && host.isUp);
  }

  /** Whether everybody has applied everything that is ordered. */
  get isLevel(): boolean {
    const ordered = BigInt(this.parts.bound.chosenUpTo);
    return this.healthy.every((host) => {
      const status = host.process?.status();
      return status?.localAru === ordered && status.appliedSeq === ordered;
    });
  }

  /** Whether everybody's state machine has been given the same updates. */
  get appliedTheSame(): boolean {
    const [first, ...others] = this.healthy.map((host) => this.parts.order.progressOf(host.id));
    return others.every((other) => other.seq === first?.seq && other.chain === first.chain);
  }

  /** Whether every node has answered everything that it had been asked by then. */
  answeredAllUntil(time: number): boolean {
    return this.healthy.every((host) =>
      [...(host.process?.pending ?? [])].every(({ since }) => since > time),
    );
  }

  /** How many of these have applied an update that was sent after `time`. */
  appliedSince(time: number, hosts: readonly Host[]): number {
    const { order, calls } = this.parts;
    let first = Infinity;
    for (let i = calls.all.length - 1; i >= 0; i--) {
      const call = calls.all[i];
      if (call === undefined || call.start <= time) break;
      first = Math.min(first, order.seqOf(call.id) ?? Infinity);
    }
    return hosts.filter((host) => order.progressOf(host.id).seq >= first).length;
  }

  /** For people. */
  describe(): string {
    return this.parts.hosts.map(describeHost).join("; ");
  }
}

function describeHost({ id, process }: Host): string {
  const status = process?.status();
  if (status === undefined) return `node ${id} is down`;
  const { role, epoch, view, localAru, appliedSeq, removed } = status;
  const waiting = process?.pending.size ?? 0;
  const what = removed ? "removed" : Role[role].toLowerCase();
  return `node ${id} ${what} in view ${view}${epoch > 0n ? ` of epoch ${epoch}` : ""}, ARU ${localAru}, applied ${appliedSeq}, ${waiting} clients waiting`;
}
