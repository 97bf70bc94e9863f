import { membersOf, nextEpochIn, readUpdate } from "@paxos/core";
import type { EpochRecord } from "@paxos/proto";

/** The memberships of a run, one after the other, as they are when a quorum has accepted their stop signs. */
export class Epochs {
  readonly #records: EpochRecord[];

  constructor(first: EpochRecord) {
    this.#records = [first];
  }

  get latest(): EpochRecord {
    return this.#records.at(-1) as EpochRecord;
  }

  /** The membership of an epoch; undefined while nothing has made it. */
  of(epoch: number): EpochRecord | undefined {
    return this.#records[epoch];
  }

  /** A quorum has accepted this update. */
  chosen(update: Uint8Array): void {
    const next = readStopSign(update);
    if (next !== undefined && Number(next.epoch) === this.#records.length) this.#records.push(next);
  }

  /** Whether a node belongs to the latest epoch. */
  has(nodeId: number): boolean {
    return memberIdsOf(this.latest).includes(nodeId);
  }
}

function readStopSign(update: Uint8Array): EpochRecord | undefined {
  const fields = readUpdate(update);
  return fields && nextEpochIn(fields);
}

export function votersOf({ voters }: EpochRecord): number[] {
  return voters.map(({ nodeId }) => Number(nodeId));
}

export function memberIdsOf(record: EpochRecord): number[] {
  return membersOf(record).map(({ nodeId }) => Number(nodeId));
}

/** Views of all epochs as numbers that compare as ballots do. */
export function ballotOf(epoch: bigint | number, view: bigint | number): number {
  return Number(epoch) * 2 ** 24 + Number(view);
}

/** For people. */
export function describeBallot(ballot: number): string {
  const epoch = Math.floor(ballot / 2 ** 24);
  return epoch === 0 ? `view ${ballot}` : `view ${ballot - epoch * 2 ** 24} of epoch ${epoch}`;
}
