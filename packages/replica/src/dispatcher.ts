// What clients' requests mean, whatever transport they come by.
import { create } from "@bufbuild/protobuf";
import {
  membersOf,
  protocolVersions,
  readUpdate,
  RequestError,
  sessionWindow,
  type ClientHandler,
  type Node,
  type NodeStatus,
  type Storage,
  type StoredUpdates,
  type Transport,
  type UpdateCaller,
  type UpdateIntake,
} from "@paxos/core";
import {
  BackupPieceSchema,
  ChangeMembershipResponseSchema,
  Consistency,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  Role,
  StatusResponseSchema,
  StorageHealth,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
  UpdateKind,
  type BackupPiece,
  type ChangeMembershipResponse,
  type ClientUpdate,
  type GloballyOrderedUpdate,
  type LogRequest,
  type LogResponse,
  type MembershipChange,
  type MembersResponse,
  type QueryRequest,
  type QueryResponse,
  type StatusResponse,
  type TakeSnapshotResponse,
  type TransferLeadershipResponse,
} from "@paxos/proto";
import type { Driver } from "./driver.js";
import type { ReadOutcome } from "./queries.js";
import { readChunk } from "./restore-snapshot.js";

const logChunkBytes = 256 * 1024;

/** The one dispatcher of client requests. */
export class Dispatcher implements ClientHandler, UpdateIntake {
  constructor(
    private readonly parts: {
      readonly nodeId: number;
      readonly node: Node;
      readonly driver: Driver;
      readonly storage: Storage;
      readonly transport: Transport;
      readonly clusterId: Uint8Array;
      /** The newest version of commands that the state machine knows. */
      readonly commandVersion: number;
    },
  ) {}

  /** For streams: the same as {@link clientUpdate}. */
  get updateIntake(): UpdateIntake {
    return this;
  }

  take(request: ClientUpdate, caller: UpdateCaller): void {
    try {
      requireSense(request);
    } catch (error) {
      return caller.onFailed(error);
    }
    this.parts.driver.updates.take(request, caller);
  }

  leave(request: ClientUpdate, caller: UpdateCaller): void {
    this.parts.driver.updates.leave(request, caller);
  }

  get leader(): number | undefined {
    return this.parts.node.leader;
  }

  async clientUpdate(request: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate> {
    requireSense(request);
    const { clientId, timestamp, update } = request;
    const { seq, result, duplicate } = await this.parts.driver.submit(request, signal);
    const nodeId = BigInt(this.parts.nodeId);
    const { leader } = this.parts.node;
    return create(GloballyOrderedUpdateSchema, {
      nodeId,
      seq: BigInt(seq),
      update: { clientId, nodeId, timestamp, update },
      result,
      duplicate,
      ...(leader === undefined ? {} : { leaderId: BigInt(leader) }),
    });
  }

  async query({ query, consistency }: QueryRequest, signal: AbortSignal): Promise<QueryResponse> {
    const { seq, result } = await this.#ask(query, consistency, signal);
    return create(QueryResponseSchema, { result, seq: BigInt(seq), nodeId: BigInt(this.parts.nodeId) });
  }

  async *log(request: LogRequest, signal: AbortSignal): AsyncIterable<LogResponse> {
    const { driver, node } = this.parts;
    const end = node.status().aru;
    let seq = Math.max(1, Number(request.fromSeq));
    while (!signal.aborted && (request.follow || seq <= end)) {
      if (driver.stopped) throw new RequestError("unavailable", "this node is closing; try another one");
      const { durableAru, applied } = node.status();
      // Only what has been applied: whether an entry is a duplicate is known from then on.
      const readable = Math.min(durableAru, applied);
      const upTo = request.follow ? readable : Math.min(readable, end);
      if (upTo < seq) {
        await (durableAru < seq ? driver.nextSave(signal) : driver.nextApplied(signal));
        continue;
      }
      const stored = await this.#read(seq, upTo);
      if (stored.firstSeq > seq) {
        yield create(LogResponseSchema, { firstSeq: BigInt(stored.firstSeq) });
        seq = stored.firstSeq;
        continue;
      }
      const entries = stored.updates.flatMap((bytes, i) => this.#entry(seq + i, bytes));
      seq += stored.updates.length;
      if (entries.length > 0) yield create(LogResponseSchema, { entries });
    }
  }

  status(): Promise<StatusResponse> {
    return Promise.resolve(this.statusNow());
  }

  async takeSnapshot(): Promise<TakeSnapshotResponse> {
    const { snapshots } = this.parts.driver;
    const { seq, bytes } = await snapshots.take();
    return create(TakeSnapshotResponseSchema, { seq, bytes, firstSeq: BigInt(snapshots.firstSeq) });
  }

  async *backup(signal: AbortSignal): AsyncIterable<BackupPiece> {
    const { driver, storage } = this.parts;
    const snapshot = await driver.snapshots.take();
    const release = driver.snapshots.hold(snapshot);
    try {
      for (let index = 0; index < snapshot.chunks && !signal.aborted; index++) {
        if (driver.stopped) throw new RequestError("unavailable", "this node is closing; try another one");
        const chunk = await readChunk(storage, snapshot, index).catch((cause: unknown) => {
          throw new RequestError("unavailable", "this node cannot read its snapshot; try another one", {
            cause,
          });
        });
        yield create(BackupPieceSchema, { snapshot, index, ...chunk });
      }
    } finally {
      release();
    }
  }

  members(): Promise<MembersResponse> {
    const { node, nodeId, clusterId } = this.parts;
    const { epochRecord, leader } = node;
    const up = node.status().peers.filter(({ heard }) => heard);
    const heard = [nodeId, ...up.map((peer) => peer.nodeId)].sort((a, b) => a - b);
    return Promise.resolve(
      create(MembersResponseSchema, {
        nodeId: BigInt(nodeId),
        epochRecord,
        clusterId,
        heard: heard.map(BigInt),
        ...(leader === undefined ? {} : { leaderId: BigInt(leader) }),
      }),
    );
  }

  async changeMembership(change: MembershipChange, signal: AbortSignal): Promise<ChangeMembershipResponse> {
    if (change.changeId === 0n) {
      throw new RequestError(
        "invalid",
        "change_id is 0; choose any other 64-bit number at random, and the same one when you ask again",
      );
    }
    const epochRecord = await this.parts.driver.leader.changeMembership(change, signal);
    return create(ChangeMembershipResponseSchema, { epochRecord });
  }

  async transferLeadership(to: bigint | undefined, signal: AbortSignal): Promise<TransferLeadershipResponse> {
    const wanted = to === undefined ? undefined : Number(to);
    const leader = await this.parts.driver.leader.transferLeadership(wanted, signal);
    return create(TransferLeadershipResponseSchema, { leaderId: BigInt(leader) });
  }

  statusNow(): StatusResponse {
    const { node, driver, transport, commandVersion } = this.parts;
    const { epochRecord } = node;
    const status = node.status();
    const addresses = new Map(
      membersOf(epochRecord).map((member) => [Number(member.nodeId), member.address]),
    );
    const counters = Object.entries({
      ...transport.counters(),
      ...driver.counters(),
      ...status.counters,
    }).filter(([, count]) => count > 0);
    return create(StatusResponseSchema, {
      nodeId: BigInt(status.nodeId),
      role: {
        leader: Role.LEADER,
        follower: Role.FOLLOWER,
        electing: Role.ELECTING,
        preparing: Role.ELECTING,
      }[status.role],
      epoch: BigInt(status.epoch),
      view: BigInt(status.view),
      ...(status.leader === undefined ? {} : { leaderId: BigInt(status.leader) }),
      localAru: BigInt(status.aru),
      appliedSeq: BigInt(status.applied),
      waitingUpdates: BigInt(status.waitingUpdates),
      peers: status.peers.map(({ nodeId, heard, aru }) => ({
        nodeId: BigInt(nodeId),
        address: addresses.get(nodeId) ?? "",
        heard,
        localAru: BigInt(aru),
      })),
      counters: counters.map(([name, count]) => ({ name, count: BigInt(count) })),
      storesRecorded: status.storesRecorded,
      storeId: status.storeId,
      firstSeq: BigInt(driver.snapshots.firstSeq),
      ...(status.snapshot && { snapshot: status.snapshot }),
      ...(status.receiving && {
        receiving: status.receiving.snapshot,
        receivedChunks: status.receiving.next,
      }),
      storageHealth: {
        ok: StorageHealth.OK,
        stuck: StorageHealth.STUCK,
        failed: StorageHealth.FAILED,
      }[status.storageHealth],
      storageDetail: describeHealth(status.storageHealth, driver.storageError),
      epochRecord,
      removed: status.removed,
      protocolVersion: protocolVersions.newest,
      commandVersion,
    });
  }

  #ask(query: Uint8Array, consistency: Consistency, signal: AbortSignal): Promise<ReadOutcome<Uint8Array>> {
    const { queries } = this.parts.driver;
    const look = () => queries.ask(query);
    switch (consistency) {
      case Consistency.UNSPECIFIED:
        return queries.linearizable(look, signal);
      case Consistency.LOCAL:
        return queries.local(look);
      default:
        throw new RequestError(
          "invalid",
          `this node knows no consistency ${String(consistency)}; run a release that does`,
        );
    }
  }

  async #read(from: number, upTo: number): Promise<StoredUpdates> {
    const { storage } = this.parts;
    try {
      const stored = await storage.read(from, upTo, logChunkBytes);
      if (stored.updates.length > 0 || stored.firstSeq > from) return stored;
    } catch (cause) {
      throw new RequestError("unavailable", "this node cannot read its log; try another one", { cause });
    }
    throw new RequestError("unavailable", `this node's log lacks seq ${from}; try another one`);
  }

  #entry(seq: number, bytes: Uint8Array) {
    // Bytes that are no update hold their place in the order as a no-op.
    const update = readUpdate(bytes);
    if (update === undefined || update.clientId === 0n || update.kind === UpdateKind.REGISTER) return [];
    const duplicate = this.parts.driver.isRepeated(seq);
    return [{ nodeId: update.nodeId, seq: BigInt(seq), update, duplicate }];
  }
}

function describeHealth(health: NodeStatus["storageHealth"], error: Error | undefined): string {
  if (error !== undefined) return error.message;
  return health === "stuck" ? "a save does not finish" : "";
}

/** Refuses what no client that follows the rules of paxos.proto sends. */
function requireSense({ clientId, timestamp, kind, session, answeredUpTo, update }: ClientUpdate): void {
  const refuse = (why: string): never => {
    throw new RequestError("invalid", why);
  };
  if (clientId === 0n) refuse("client_id is 0; choose any other 64-bit number at random and keep to it");
  if (kind === UpdateKind.REGISTER) {
    if (timestamp !== 0n || session !== 0n || update.length > 0)
      refuse("a registration has timestamp 0, session 0 and an empty update; leave all three out");
  } else if (kind !== UpdateKind.UNSPECIFIED) {
    refuse(`this node does not know updates of kind ${String(kind)}; run a release that does`);
  } else if (timestamp === 0n) {
    // Who waits for which answer is known by client id and timestamp alone.
    refuse("timestamp is 0, which is the registration's; number your updates from 1 on");
  } else if (
    session !== 0n &&
    (timestamp <= answeredUpTo || timestamp > answeredUpTo + BigInt(sessionWindow))
  ) {
    refuse(
      `timestamp is ${timestamp} and answered_up_to ${answeredUpTo}; under a session it must be from 1 to ${sessionWindow} greater`,
    );
  }
}
