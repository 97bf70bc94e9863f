import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MembershipChangeSchema, type EpochRecord } from "@paxos/proto";
import { memberIdsOf, votersOf, type Epochs } from "../checkers/epochs.js";
import { Random } from "../random.js";
import { Host } from "../world/host.js";
import type { Surroundings } from "../world/seat.js";

type Change = NonNullable<MessageInitShape<typeof MembershipChangeSchema>["type"]>;

/** So many nodes join at most in a run. */
export const mostJoiners = 6;

/** Those who run a cluster: they change its membership, move its leadership, and set up new machines. */
export class Operators {
  #changes = 0n;
  /** Whether they have done anything. */
  haveActed = false;

  constructor(
    private readonly parts: {
      readonly surroundings: Surroundings;
      readonly hosts: Host[];
      readonly epochs: Epochs;
      /** How many nodes have founded the cluster. */
      readonly nodes: number;
      /** The node that is ill for good. */
      readonly ill: Host | undefined;
      /** Whether nodes are lost for good: then only those are let go, so that a quorum is left whatever comes. */
      readonly careful: boolean;
    },
  ) {}

  /** Asks this node, which may lead, for a change. What it is follows from the draw and the membership of the moment. */
  change({ process }: Host, draw: number): void {
    const record = process?.epochRecord;
    if (process === undefined || record === undefined) return;
    const random = new Random(draw);
    const type = this.#draw(record, random);
    const force = random.chance(200) && !this.parts.careful;
    if (!this.#endangers(type, record)) this.#ask(process, type, force);
  }

  /** Asks this node, which may lead, for an epoch of those of these nodes that are voters, if there are any. */
  setMembers({ process }: Host, ids: readonly number[]): void {
    const record = process?.epochRecord;
    if (process === undefined || record === undefined) return;
    const voters = record.voters.filter(({ nodeId }) => ids.includes(Number(nodeId)));
    const type: Change = { case: "setMembers", value: { voters: voters.map(({ nodeId }) => ({ nodeId })) } };
    if (voters.length > 0 && !this.#endangers(type, record)) this.#ask(process, type, true);
  }

  /** Asks this node, which may lead, for one more member, or one more vote. */
  grow({ process }: Host): void {
    const record = process?.epochRecord;
    if (process === undefined || record === undefined) return;
    const { learners, nextNodeId } = record;
    const [learner] = learners;
    if (learner !== undefined) return this.#ask(process, { case: "promote", value: learner.nodeId }, false);
    const fresh = { nodeId: nextNodeId, address: `node-${nextNodeId}:2346` };
    if (Number(nextNodeId) < this.parts.nodes + mostJoiners)
      this.#ask(process, { case: "addLearner", value: fresh }, false);
  }

  #ask(process: NonNullable<Host["process"]>, type: Change, force: boolean): void {
    this.haveActed = true;
    const change = { changeId: ++this.#changes, force, type };
    process.changeMembership(create(MembershipChangeSchema, change));
  }

  /** Asks this node, which may lead, to hand over. */
  transfer({ process }: Host, draw: number): void {
    const record = process?.epochRecord;
    if (record === undefined) return;
    this.haveActed = true;
    const random = new Random(draw);
    process?.transferLeadership(random.chance(300) ? undefined : random.pick(votersOf(record)));
  }

  /** Sets up machines for members that have none yet, and returns them. They are told what some member knows as the membership. */
  letJoin(): readonly Host[] {
    const { hosts, surroundings } = this.parts;
    const before = hosts.length;
    // Who joins has not heard of anybody's saves: an older copy that runs is recognised by those who were there before (rule 8).
    if (hosts.some((host) => host.lostItsDisk && host.isUp)) return [];
    for (const { process } of Array.from(hosts)) {
      const record = process?.epochRecord;
      if (record === undefined) continue;
      // Ids are given one after the other.
      while (hosts.length < Number(record.nextNodeId)) {
        const id = hosts.length;
        const host = new Host(surroundings, id, record);
        hosts.push(host);
        // It may have been removed before it was there.
        if (memberIdsOf(record).includes(id)) host.start();
        else host.hasLeft = true;
      }
    }
    return hosts.slice(before);
  }

  /** Whether a change takes from a quorum what nodes that are lost for good, now or later, leave of it. */
  #endangers(change: Change, { voters }: EpochRecord): boolean {
    const { careful, hosts, ill } = this.parts;
    if (!careful) return false;
    const isNeeded = (nodeId: bigint) => {
      const host = hosts[Number(nodeId)];
      return host !== ill && host?.isLost !== true;
    };
    switch (change.case) {
      case "demote":
      case "remove":
        return isNeeded(change.value);
      case "replace":
        return isNeeded(change.value.leaves ?? 0n);
      case "setMembers":
        return true;
      case "setQuorums": {
        const { prepareQuorum = 0, acceptQuorum = 0 } = change.value;
        return Math.max(prepareQuorum, acceptQuorum) > majorityOf(voters.length);
      }
      default:
        return false;
    }
  }

  #draw({ voters, learners, nextNodeId }: EpochRecord, random: Random): Change {
    const nodeId = random.pick([...voters, ...learners])?.nodeId ?? 0n;
    const isFull = Number(nextNodeId) >= this.parts.nodes + mostJoiners;
    const fresh = { nodeId: nextNodeId, address: `node-${nextNodeId}:2346` };
    const learner = (learners.length > 0 ? random.pick(learners) : undefined)?.nodeId;
    const promote: Change | undefined =
      learner === undefined ? undefined : { case: "promote", value: learner };
    switch (random.between(0, 9)) {
      case 0:
      case 1:
      case 2:
        return promote ?? (isFull ? { case: "demote", value: nodeId } : { case: "addLearner", value: fresh });
      case 3:
        return isFull ? { case: "remove", value: nodeId } : { case: "addLearner", value: fresh };
      case 4:
        return { case: "demote", value: nodeId };
      case 5:
        return { case: "remove", value: nodeId };
      case 6: {
        if (learner !== undefined) return { case: "replace", value: { leaves: nodeId, comes: learner } };
        if (isFull) return { case: "remove", value: nodeId };
        return {
          case: "replace",
          value: { leaves: nodeId, comes: fresh.nodeId, address: fresh.address },
        };
      }
      case 7: {
        const chosen = [...voters, ...learners].filter(() => random.chance(700));
        const added = isFull || random.chance(500) ? [] : [fresh];
        const all = [...chosen.map((member) => ({ nodeId: member.nodeId })), ...added];
        return { case: "setMembers", value: { voters: all } };
      }
      case 8: {
        const prepareQuorum = random.between(1, voters.length);
        const acceptQuorum = voters.length + 1 - prepareQuorum;
        return { case: "setQuorums", value: { prepareQuorum, acceptQuorum } };
      }
      default:
        return { case: "setPriority", value: { nodeId, priority: random.between(0, 3) } };
    }
  }
}

function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
