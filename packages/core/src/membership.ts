import { create } from "@bufbuild/protobuf";
import { EpochRecordSchema, type EpochRecord, type Member } from "@paxos/proto";
import { ConfigError } from "./errors.js";

/** How many voters must answer a Prepare, and how many must accept. Each is 1 to all; together they exceed the number of voters. */
export interface QuorumSizes {
  readonly prepareQuorum: number;
  readonly acceptQuorum: number;
}

/**
 * The record of epoch 0 of a new cluster. It must be the same on all its nodes.
 * @param addresses of the voters, host:port; a voter's id is its index.
 * @param quorums Default: majorities. Others are Flexible Paxos (Howard, Malkhi and Spiegelman, 2016): with a smaller accept quorum
 *   updates wait for fewer nodes, and a new leader needs more.
 * @throws ConfigError when the quorums do not always meet.
 */
export function firstEpoch(addresses: readonly string[], quorums?: QuorumSizes): EpochRecord {
  const record = create(EpochRecordSchema, {
    formatVersion: 1,
    voters: addresses.map((address, id) => ({ nodeId: BigInt(id), address })),
    ...(quorums ?? majorities(addresses.length)),
    nextNodeId: BigInt(addresses.length),
  });
  if (quorums !== undefined) validate(record);
  return record;
}

/** The sizes of quorums that are majorities of so many voters. */
export function majorities(voters: number): QuorumSizes {
  const majority = Math.floor(voters / 2) + 1;
  return { prepareQuorum: majority, acceptQuorum: majority };
}

/** All members of a record: voters, then learners. */
export function membersOf({ voters, learners }: Pick<EpochRecord, "voters" | "learners">): Member[] {
  return [...voters, ...learners];
}

/** One epoch's members and quorums, read from its record: the only source of both. */
export class Membership {
  readonly epoch: number;
  /** The voters' ids; the leader of view v is `voters[v mod voters.length]`. */
  readonly voters: readonly number[];
  /** Voters and learners. */
  readonly members: readonly number[];
  /** How many voters must answer a Prepare. Decides view change and prepare. */
  readonly prepareQuorum: number;
  /** How many voters must accept. Decides ordering and check-quorum. */
  readonly acceptQuorum: number;
  /** How many voters a node must hear to be of use as a leader: either quorum. */
  readonly hearingQuorum: number;
  /** The lowest view of this epoch: its leader needs no election. View 0 is nobody's, in any epoch. */
  readonly firstView: number;
  /** The seq of the stop sign that this epoch begins after. */
  readonly beginsAfter: number;

  /** @throws ConfigError when the record contradicts itself. */
  constructor(readonly record: EpochRecord) {
    validate(record);
    this.epoch = Number(record.epoch);
    this.voters = record.voters.map((member) => Number(member.nodeId));
    this.members = membersOf(record).map((member) => Number(member.nodeId));
    this.prepareQuorum = record.prepareQuorum;
    this.acceptQuorum = record.acceptQuorum;
    this.hearingQuorum = Math.max(this.prepareQuorum, this.acceptQuorum);
    this.firstView = Number(record.firstView);
    this.beginsAfter = Number(record.beginsAfter);
  }

  /** The node that leads a view. */
  leaderOf(view: number): number {
    return this.voters[view % this.voters.length] as number;
  }

  isVoter(nodeId: number): boolean {
    return this.voters.includes(nodeId);
  }

  /** How much a member is preferred as the leader. */
  priorityOf(nodeId: number): number {
    return this.record.voters.find((member) => Number(member.nodeId) === nodeId)?.priority ?? 0;
  }

  /** Where a member is reached; undefined when it is none. */
  addressOf(nodeId: number): string | undefined {
    return membersOf(this.record).find((member) => Number(member.nodeId) === nodeId)?.address;
  }

  isMember(nodeId: number): boolean {
    return this.members.includes(nodeId);
  }
}

function validate(record: EpochRecord): void {
  const fail = (what: string): never => {
    throw new ConfigError(`epochRecord: ${what}`);
  };
  if (record.formatVersion !== 1) {
    fail(`formatVersion is ${record.formatVersion}; this version of the library reads 1`);
  }
  const ids = membersOf(record).map((member) => member.nodeId);
  if (record.voters.length === 0) fail("voters is empty; at least one is needed");
  if (new Set(ids).size !== ids.length) fail(`node ids ${ids.join(", ")} are not distinct`);
  for (const id of ids) {
    if (id >= record.nextNodeId) fail(`node id ${id} is not below nextNodeId ${record.nextNodeId}`);
    if (id > BigInt(Number.MAX_SAFE_INTEGER)) fail(`node id ${id} exceeds 2^53 - 1`);
  }
  for (const name of ["epoch", "firstView", "beginsAfter"] as const) {
    if (record[name] > BigInt(Number.MAX_SAFE_INTEGER)) fail(`${name} ${record[name]} exceeds 2^53 - 1`);
  }
  const voters = record.voters.length;
  for (const name of ["prepareQuorum", "acceptQuorum"] as const) {
    const size = record[name];
    if (size < 1 || size > voters)
      fail(`${name} is ${size}; allowed is 1 to ${voters}, the number of voters`);
  }
  if (record.prepareQuorum + record.acceptQuorum <= voters) {
    fail(
      `prepareQuorum ${record.prepareQuorum} and acceptQuorum ${record.acceptQuorum} of ${voters} voters do not ` +
        `always meet; their sum must exceed ${voters}`,
    );
  }
}
