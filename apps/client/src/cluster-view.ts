// Who the servers are that a status is about: the members that the cluster names, or those of the hostfile while none does.
import type { ServerStatus } from "@paxos/client";
import type { EpochRecord, Member, StatusResponse } from "@paxos/proto";

import type { ServerNames } from "./server-names.js";

/** The membership of the latest epoch that a server tells of. */
export class ClusterView {
  readonly #record: EpochRecord | undefined;

  constructor(
    private readonly names: ServerNames,
    private readonly statuses: readonly ServerStatus[],
  ) {
    for (const one of statuses) {
      const record = "status" in one ? one.status.epochRecord : undefined;
      if (record !== undefined && (this.#record === undefined || record.epoch > this.#record.epoch))
        this.#record = record;
    }
  }

  /** Whether the cluster says who its members are. */
  get isTold(): boolean {
    return this.#record !== undefined;
  }

  get epoch(): bigint {
    return this.#record?.epoch ?? 0n;
  }

  /** How many vote. */
  get voters(): number {
    return this.#record?.voters.length ?? this.names.members.length;
  }

  /** How many of them it takes for updates to be ordered whoever leads. */
  get quorum(): number {
    if (this.#record === undefined) return Math.floor(this.names.members.length / 2) + 1;
    return Math.max(this.#record.prepareQuorum, this.#record.acceptQuorum);
  }

  /** Those to be shown: a member that answers at an address of the hostfile is not shown again at that of the membership. */
  get servers(): ServerStatus[] {
    const given = new Set(this.names.addresses);
    const answering = new Set(
      this.statuses.flatMap((one) => ("status" in one && given.has(one.address) ? [one.status.nodeId] : [])),
    );
    return this.statuses.filter(({ address }) => {
      const id = this.#memberAt(address)?.nodeId;
      return given.has(address) || id === undefined || !answering.has(id);
    });
  }

  /** Where a node is reached; undefined when it is not known. */
  addressOf(id: number): string | undefined {
    if (this.#record === undefined) return this.names.members[id]?.address;
    return this.#members.find(({ nodeId }) => nodeId === BigInt(id))?.address;
  }

  /** The id of the node that is to be found at an address; undefined when it is none of the cluster's. */
  idOf(one: ServerStatus): number | undefined {
    if (this.#record === undefined)
      return this.names.members.find(({ address }) => address === one.address)?.nodeId;
    const member =
      this.#memberAt(one.address) ?? ("status" in one ? this.#memberWith(one.status.nodeId) : undefined);
    return member && Number(member.nodeId);
  }

  isVoter({ nodeId }: StatusResponse): boolean {
    return this.#record === undefined || this.#record.voters.some((member) => member.nodeId === nodeId);
  }

  isLearner({ nodeId }: StatusResponse): boolean {
    return this.#record?.learners.some((member) => member.nodeId === nodeId) ?? false;
  }

  get #members(): readonly Member[] {
    return this.#record === undefined ? [] : [...this.#record.voters, ...this.#record.learners];
  }

  #memberAt(address: string): Member | undefined {
    return this.#members.find((member) => member.address === address);
  }

  #memberWith(id: bigint): Member | undefined {
    return this.#members.find(({ nodeId }) => nodeId === id);
  }
}
