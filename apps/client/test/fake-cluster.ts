// A cluster that is none: one order, kept in memory, behind the client's port of the transport.
import { create } from "@bufbuild/protobuf";
import { type ClientTransport, firstEpoch, RequestError } from "@paxos/core";
import {
  type BackupPiece,
  type ChangeMembershipResponse,
  ChangeMembershipResponseSchema,
  Consistency,
  type ClientUpdate,
  type EpochRecord,
  type GloballyOrderedUpdate,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  type LogRequest,
  type LogResponse,
  type MembershipChange,
  type MembersResponse,
  type QueryRequest,
  type QueryResponse,
  MembersResponseSchema,
  QueryResponseSchema,
  Role,
  SnapshotSchema,
  type StatusResponse,
  StatusResponseSchema,
  StorageHealth,
  type TakeSnapshotResponse,
  TakeSnapshotResponseSchema,
  type TransferLeadershipResponse,
  TransferLeadershipResponseSchema,
  UpdateKind,
} from "@paxos/proto";

import { changed } from "./fake-membership.js";

/** What a server does with an update before the cluster gets it. Throw to refuse it; `hang` to keep silent. */
export type Behaviour = (update: ClientUpdate) => void | "hang" | "order, then fail";

export class FakeCluster implements ClientTransport {
  readonly ordered: GloballyOrderedUpdate[] = [];
  readonly #byName = new Map<string, GloballyOrderedUpdate>();
  /** Addresses that updates were sent to, in their order; registrations are not counted. */
  readonly sentTo: string[] = [];
  /** Addresses of servers whose logs were read. */
  readonly logsRead: string[] = [];
  readonly behaviours = new Map<string, Behaviour>();
  readonly statuses = new Map<string, StatusResponse>();
  /** Cuts the log's stream after so many entries. */
  cutLogAfter = Infinity;
  /** Called at that moment. */
  onCut = (): void => undefined;
  /** How many places before the first update are taken by what no log shows: no-ops and registrations. */
  hidden = 0;
  registrations = 0;
  /** The first seq that the servers still hold, and those for which that is another. */
  firstSeq = 1n;
  readonly firstSeqs = new Map<string, bigint>();
  /** Addresses of servers that were asked for a snapshot, and why those refuse that do; `hang`: they never answer. */
  readonly snapshotsAsked: string[] = [];
  readonly snapshotRefusals = new Map<string, RequestError | "hang">();
  /** By how much servers' ARUs are lower. */
  readonly lags = new Map<string, bigint>();
  /** Whether statuses say who belongs to it, as those of older servers do not. */
  tellsMembers = true;
  /** Who belongs to it. */
  record: EpochRecord;
  /** Called when that has changed. */
  onChange: (record: EpochRecord) => void = () => undefined;
  /** The leader; undefined while there is none. */
  leaderId: bigint | undefined = 0n;
  /** Changes and hand-overs, by the address that they were asked of. */
  readonly leaderAsked: { readonly address: string; readonly what: MembershipChange | bigint | undefined }[] =
    [];
  /** What the leader does with the next ones, before they are served. Throw to refuse one; `hang` to keep silent. */
  readonly leaderBehaviours: (() => void | "hang" | "serve, then fail")[] = [];
  closed = 0;

  /** @param addresses - Those of the servers that answer, in the order of node ids. */
  constructor(readonly addresses: readonly string[]) {
    this.record = firstEpoch(addresses);
    for (const [index, address] of addresses.entries()) this.start(address, index);
  }

  start(address: string, nodeId: number): void {
    this.statuses.set(
      address,
      create(StatusResponseSchema, {
        nodeId: BigInt(nodeId),
        role: nodeId === 0 ? Role.LEADER : Role.FOLLOWER,
        view: 3n,
        leaderId: 0n,
        storesRecorded: true,
        storageHealth: StorageHealth.OK,
        peers: this.addresses.flatMap((peer, id) =>
          peer === address ? [] : [{ nodeId: BigInt(id), address: peer, heard: true }],
        ),
      }),
    );
  }

  async clientUpdate(
    address: string,
    update: ClientUpdate,
    signal: AbortSignal,
  ): Promise<GloballyOrderedUpdate> {
    if (update.kind === UpdateKind.REGISTER) return this.#register(address);
    this.sentTo.push(address);
    this.#requireReachable(address);
    const verdict = this.behaviours.get(address)?.(update);
    if (verdict === "hang") await aborted(signal);
    const answer = this.order(update);
    if (verdict === "order, then fail") throw new RequestError("unavailable", "connection lost");
    return answer;
  }

  #register(address: string): GloballyOrderedUpdate {
    this.#requireReachable(address);
    this.registrations++;
    return create(GloballyOrderedUpdateSchema, { seq: 1n });
  }

  /** Puts an update into the order, unless it is there already. */
  order(update: ClientUpdate): GloballyOrderedUpdate {
    const name = `${update.clientId} ${update.timestamp}`;
    const first = this.#byName.get(name);
    if (first !== undefined) return { ...first, duplicate: true };
    const entry = create(GloballyOrderedUpdateSchema, {
      seq: BigInt(this.hidden + this.ordered.length + 1),
      update,
    });
    this.ordered.push(entry);
    this.#byName.set(name, entry);
    return entry;
  }

  async *log(address: string, request: LogRequest, signal: AbortSignal): AsyncIterable<LogResponse> {
    this.#requireReachable(address);
    this.logsRead.push(address);
    let given = 0;
    const firstSeq = this.firstSeqs.get(address) ?? this.firstSeq;
    const from = request.fromSeq < firstSeq ? firstSeq : request.fromSeq;
    if (from > request.fromSeq) yield create(LogResponseSchema, { firstSeq: from });
    for (const entry of this.ordered.filter(({ seq }) => seq >= from)) {
      if (given++ === this.cutLogAfter) {
        this.cutLogAfter = Infinity;
        this.onCut();
        throw new RequestError("unavailable", "connection lost");
      }
      yield create(LogResponseSchema, { entries: [entry] });
    }
    if (request.follow) await aborted(signal);
  }

  async status(address: string, _signal?: AbortSignal): Promise<StatusResponse> {
    const status = this.#requireReachable(address);
    const aru = this.#aru;
    const firstSeq = this.firstSeqs.get(address) ?? this.firstSeq;
    const localAru = aru - (this.lags.get(address) ?? 0n);
    const told = this.tellsMembers ? { epochRecord: this.record, epoch: this.record.epoch } : {};
    return { ...status, ...told, localAru, appliedSeq: aru, firstSeq };
  }

  /** Half of the log stays behind it. */
  async takeSnapshot(address: string, signal: AbortSignal): Promise<TakeSnapshotResponse> {
    this.snapshotsAsked.push(address);
    const status = this.#requireReachable(address);
    const refusal = this.snapshotRefusals.get(address);
    if (refusal === "hang") await aborted(signal);
    else if (refusal !== undefined) throw refusal;
    const taken = { seq: this.#aru, bytes: 1_234_567n };
    status.snapshot = create(SnapshotSchema, { ...taken, chunks: 5 });
    const firstSeq = this.#aru / 2n + 1n;
    this.firstSeqs.set(address, firstSeq);
    return create(TakeSnapshotResponseSchema, { ...taken, firstSeq });
  }

  /** All of the log is held again. */
  forgetSnapshots(): void {
    this.firstSeqs.clear();
    for (const status of this.statuses.values()) delete status.snapshot;
  }

  /** No command asks for one. */
  async *backup(): AsyncIterable<BackupPiece> {}

  /** Answers with the query, and whether it was a local one. */
  async query(address: string, { query, consistency }: QueryRequest): Promise<QueryResponse> {
    const { nodeId } = this.#requireReachable(address);
    const local = consistency === Consistency.LOCAL;
    if (Buffer.from(query).equals(Buffer.from("bad"))) throw new RequestError("invalid", "no such thing");
    const result = query.length === 0 ? query : Buffer.concat([query, Buffer.from(local ? ", local" : "")]);
    return create(QueryResponseSchema, { nodeId, seq: BigInt(this.hidden + this.ordered.length), result });
  }

  async members(address: string): Promise<MembersResponse> {
    const { nodeId } = this.#requireReachable(address);
    const { record, leaderId } = this;
    const up = [...this.statuses.values()].map((status) => status.nodeId);
    return create(MembersResponseSchema, {
      epochRecord: record,
      clusterId: Uint8Array.of(1),
      nodeId,
      heard: up,
      ...(leaderId === undefined ? {} : { leaderId }),
    });
  }

  async changeMembership(
    address: string,
    change: MembershipChange,
    signal: AbortSignal,
  ): Promise<ChangeMembershipResponse> {
    await this.#requireLeader(address, change, signal, () => {
      if (change.changeId === this.record.changeId) return;
      if (change.epoch !== undefined && change.epoch !== this.record.epoch)
        throw new RequestError(
          "refused",
          `the change was meant for epoch ${change.epoch}, the cluster is in epoch ${this.record.epoch}; look at its members again`,
        );
      this.record = changed(this.record, change);
      this.onChange(this.record);
    });
    return create(ChangeMembershipResponseSchema, { epochRecord: this.record });
  }

  async transferLeadership(
    address: string,
    to: bigint | undefined,
    signal: AbortSignal,
  ): Promise<TransferLeadershipResponse> {
    await this.#requireLeader(address, to, signal, () => {
      this.leaderId = to ?? this.record.voters.find(({ nodeId }) => nodeId !== this.leaderId)?.nodeId ?? 0n;
    });
    return create(TransferLeadershipResponseSchema, { leaderId: this.leaderId ?? 0n });
  }

  async #requireLeader(
    address: string,
    what: MembershipChange | bigint | undefined,
    signal: AbortSignal,
    serve: () => void,
  ): Promise<void> {
    this.leaderAsked.push({ address, what });
    const { nodeId } = this.#requireReachable(address);
    const behaviour = this.leaderBehaviours.shift()?.();
    if (behaviour === "hang") await aborted(signal);
    if (nodeId !== this.leaderId) throw new RequestError("not_leader", "this node does not lead");
    serve();
    if (behaviour !== undefined) throw new RequestError("unavailable", "connection lost");
  }

  get #aru(): bigint {
    return BigInt(this.hidden + this.ordered.length);
  }

  async close(): Promise<void> {
    this.closed++;
  }

  #requireReachable(address: string): StatusResponse {
    const status = this.statuses.get(address);
    if (status === undefined) throw new RequestError("unavailable", "connection refused");
    return status;
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
  throw new RequestError("cancelled", "the request was cancelled");
}
