// What is known of the cluster's members: the newest record that a server has shown.
import { membersOf } from "@paxos/core";
import type { EpochRecord, Member, MembersResponse } from "@paxos/proto";

/** Keeps the newest record of one cluster, that of which a record came first. */
export class KnownMembers {
  #clusterId: Uint8Array | undefined;
  #record: EpochRecord | undefined;

  /** The epoch of the record; undefined before there is one. */
  get epoch(): bigint | undefined {
    return this.#record?.epoch;
  }

  /** All of them: voters and learners. */
  get list(): readonly Member[] {
    return this.#record === undefined ? [] : membersOf(this.#record);
  }

  /** Whether a node belongs to the cluster, as far as is known. */
  mayBe(nodeId: bigint | undefined): boolean {
    return (
      this.#record === undefined ||
      nodeId === undefined ||
      this.list.some((member) => member.nodeId === nodeId)
    );
  }

  /** Whether a record of this epoch would be newer. */
  isNews({ epoch }: EpochRecord): boolean {
    return this.#record === undefined || epoch > this.#record.epoch;
  }

  /**
   * Takes a record if it is newer. That of another cluster is not taken: a server's address may have been given to one. Returns
   * whether it was taken.
   */
  take({ clusterId, epochRecord }: Pick<MembersResponse, "clusterId" | "epochRecord">): boolean {
    if (epochRecord === undefined || !this.isNews(epochRecord)) return false;
    if (this.#clusterId !== undefined && !isSame(clusterId, this.#clusterId)) return false;
    this.#clusterId = clusterId;
    this.#record = epochRecord;
    return true;
  }

  /** The cluster has answered with its new record. */
  replace(epochRecord: EpochRecord): boolean {
    return this.#clusterId !== undefined && this.take({ clusterId: this.#clusterId, epochRecord });
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
