import { randomBytes } from "node:crypto";
import {
  ConfigError,
  protocolVersions,
  RequestError,
  restartNode,
  Sessions,
  silentLogger,
  type AdmissionRefusal,
  type ClientListener,
  type Clock,
  type Config,
  type Identity,
  type Logger,
  type Node,
  type PeerAddress,
  type SessionBounds,
  type StateMachine,
  type Storage,
  type Transport,
} from "@paxos/core";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MembershipChangeSchema, type EpochRecord, type StatusResponse } from "@paxos/proto";
import { Dispatcher } from "./dispatcher.js";
import { Driver } from "./driver.js";
import { identify } from "./identify.js";
import { membershipAtStart } from "./membership-at-start.js";
import type { ReadOptions, ReadOutcome } from "./queries.js";
import { restoreSnapshot } from "./restore-snapshot.js";
import { SeqSet } from "./seq-set.js";
import { snapshotPolicy as makeSnapshotPolicy, type SnapshotPolicy } from "./snapshot-policy.js";
import { systemClock } from "./system-clock.js";
import type { Outcome } from "./submission.js";

/** The parts that make a replica. */
export interface ReplicaOptions {
  /** This node's id. */
  readonly nodeId: number;
  /**
   * The membership to begin with, where storage is new: on the nodes that found a cluster that of epoch 0, the same on all of them (see
   * `firstEpoch`); on one that joins later, what a member says it is by now. Storage that is not new knows better; it may be left out then.
   */
  readonly epochRecord?: EpochRecord;
  /** The address to listen on, host:port. Default: the one that the membership has for this node. */
  readonly listen?: string;
  /** What is replicated. */
  readonly stateMachine: StateMachine;
  readonly storage: Storage;
  readonly transport: Transport;
  /** Serves clients of other processes too. Default: none, only {@link Replica.submit}. */
  readonly clientListener?: ClientListener;
  /** The cluster's id. Default: a digest of the record of epoch 0; a node that joins must be told. */
  readonly clusterId?: Uint8Array;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: says nothing. */
  readonly logger?: Logger;
  /** Milliseconds between ticks. Default 10. */
  readonly tickMs?: number;
  /** Seed of the core's timers: any 32-bit integer, another on each node. Default: random. */
  readonly seed?: number;
  /**
   * The client id of the updates that {@link Replica.submit} sends: not 0, and used by nobody else, this node
   * before its restart included. Default: random.
   */
  readonly clientId?: bigint;
  /** The core's timeouts, in ticks, and bounds. */
  readonly tuning?: Omit<
    Config,
    "nodeId" | "epochRecord" | "clusterId" | "logger" | "seed" | "incarnation" | "commandVersion" | "tickMs"
  >;
  /** When snapshots are taken, and how much of the log is kept behind them. */
  readonly snapshots?: Partial<SnapshotPolicy>;
  /**
   * What to do when storage fails: stop (default), or stay, which promises nothing and leads nothing, but says so in
   * {@link Replica.status} and lends what it holds to its peers. In either case a leader resigns first, and nothing is
   * acknowledged any more.
   */
  readonly onStorageFailure?: "stop" | "stay";
  /** Milliseconds after which a save that has not ended counts as failed; 0: never. Default 30,000. */
  readonly saveTimeoutMs?: number;
  /** Tells this process from those before it: 64 random bits. Default: random. */
  readonly incarnation?: bigint;
  /**
   * Bounds of the table by which updates are executed once. Part of the replicated state: never to be changed in the
   * life of a cluster, and the same on all nodes. For simulations; the defaults suit everybody else.
   */
  readonly sessionBounds?: Partial<SessionBounds>;
}

/** How an update is submitted. */
export interface SubmitOptions {
  /** Gives up waiting. The update may be ordered all the same. */
  readonly signal?: AbortSignal;
  /** What to do when too many updates are waiting: reject (default), or wait for room. */
  readonly whenBusy?: "reject" | "wait";
}

/**
 * Starts a replica: loads its storage, listens, connects to its peers.
 * @throws ConfigError when something must be put right first; whatever the transport or storage reject with.
 */
export async function startReplica(options: ReplicaOptions): Promise<Replica> {
  const replica = new Replica(options);
  try {
    await replica.start();
  } catch (error) {
    // What went wrong first is what matters.
    await replica.close().catch(() => undefined);
    throw error;
  }
  return replica;
}

/** A running member of a cluster, with its copy of the state machine. */
export class Replica {
  /** Resolves when a peer has been reached for the first time; in a cluster of one at the start. */
  readonly peerReached: Promise<void>;
  /**
   * Resolves when the replica has stopped: with undefined after {@link close}, else with what stopped it,
   * which is logged nowhere else.
   */
  readonly stopped: Promise<Error | undefined>;
  /**
   * Resolves when this node was removed from the cluster and the others go on without it: it may be closed, and its storage deleted.
   */
  readonly removed: Promise<void>;
  /** Resolves, with what it failed with, when storage fails; never, as long as it does not. */
  readonly storageFailed: Promise<Error>;
  readonly #options: ReplicaOptions;
  readonly #logger: Logger;
  readonly #clientId: bigint;
  #timestamp = 0n;
  #node: Node | undefined;
  #driver: Driver | undefined;
  #dispatcher: Dispatcher | undefined;
  #closing: Promise<void> | undefined;
  #onPeerReached: () => void = () => undefined;
  #onRemoved: () => void = () => undefined;
  #onStorageFailed: (error: Error) => void = () => undefined;
  #onStopped: (error: Error | undefined) => void = () => undefined;

  /** @internal Use {@link startReplica}. */
  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#clientId = options.clientId ?? randomId();
    this.#logger = options.logger ?? silentLogger;
    this.peerReached = new Promise((resolve) => (this.#onPeerReached = resolve));
    this.removed = new Promise((resolve) => (this.#onRemoved = resolve));
    this.storageFailed = new Promise((resolve) => (this.#onStorageFailed = resolve));
    this.stopped = new Promise((resolve) => (this.#onStopped = resolve));
  }

  /** @internal */
  async start(): Promise<void> {
    const { nodeId, stateMachine, storage, transport, clientListener, tuning } = this.#options;
    const { tickMs = 10, seed = randomBytes(4).readInt32LE(), incarnation = randomId() } = this.#options;
    const { sessionBounds = {}, saveTimeoutMs = 30_000 } = this.#options;
    const logger = this.#logger;
    if (!Number.isInteger(tickMs) || tickMs < 1 || tickMs > 60_000)
      throw new ConfigError(`tickMs is ${tickMs}; allowed is an integer from 1 to 60000`);
    if (!(saveTimeoutMs >= 0))
      throw new ConfigError(`saveTimeoutMs is ${saveTimeoutMs}; allowed is 0 or more`);
    if ((stateMachine.snapshot === undefined) !== (stateMachine.restore === undefined)) {
      throw new ConfigError(
        "the state machine has only one of snapshot and restore; give it both, or neither",
      );
    }
    const snapshotPolicy = makeSnapshotPolicy(this.#options.snapshots);
    const stored = await storage.load();
    const { epochRecord, clusterId, recordAtStart } = membershipAtStart(stored, this.#options);
    const { commandVersion = 0 } = stateMachine;
    const node = restartNode(
      { ...tuning, nodeId, epochRecord, clusterId, logger, seed, incarnation, commandVersion, tickMs },
      stored,
    );
    this.#node = node;
    const latest = stored.snapshots?.at(-1);
    const tables =
      latest === undefined
        ? { sessions: new Sessions(sessionBounds), repeated: new SeqSet() }
        : await restoreSnapshot(latest, { storage, stateMachine, sessionBounds });
    const driver = (this.#driver = new Driver({
      nodeId,
      seed,
      node,
      logger,
      stateMachine,
      storage,
      transport,
      clock: this.#options.clock ?? systemClock,
      tickMs,
      sessionBounds,
      snapshotPolicy,
      tables,
      firstSeq: stored.firstSeq ?? 1,
      recordAtStart,
      onRetired: () => this.#onRemoved(),
      saveTimeoutMs,
      onStorageFailed: (error) => this.#loseStorage(error),
      onFailure: (error) => this.#fail(error),
    }));
    const dispatcher = (this.#dispatcher = new Dispatcher({
      nodeId,
      node,
      driver,
      storage,
      transport,
      clusterId,
      commandVersion,
    }));
    clientListener?.serve(dispatcher);
    const peers = node.peerAddresses;
    await transport.start({
      identity: identify(node, {
        clusterId,
        nodeId,
        storeId: stored.storeId,
        incarnation,
        protocolVersion: protocolVersions.newest,
        commandVersion,
      }),
      address: this.#options.listen ?? node.address,
      peers,
      onMessage: (from, message) => driver.receive(from, message),
      admit: (peer: Identity) => node.admit(peer),
      onConnected: (peer) => this.#connected(peer),
      onDisconnected: (peer, reason) =>
        logger.info(`not connected to node ${peer.nodeId} at ${peer.address}: ${reason}`),
      onRefused: (peer, refusal) => this.#refused(peer, refusal),
    });
    if (peers.length === 0) this.#onPeerReached();
    driver.start();
  }

  /**
   * Has an update ordered and applied on all replicas. Resolves when it has been applied here, with its seq
   * and the state machine's answer. Executed exactly once.
   * @throws RequestError
   */
  async submit(update: Uint8Array, { signal, whenBusy = "reject" }: SubmitOptions = {}): Promise<Outcome> {
    const driver = this.#driver;
    if (driver === undefined) throw new RequestError("unavailable", "this node has not started");
    const timestamp = ++this.#timestamp;
    let pause = 1;
    for (;;) {
      try {
        return await driver.submit({ clientId: this.#clientId, timestamp, update }, signal);
      } catch (error) {
        const busy = error instanceof RequestError && error.code === "busy";
        if (!busy || whenBusy === "reject") throw error;
      }
      // Not until the next update is applied: there may be none.
      for (let tick = 0; tick < pause; tick++) await driver.nextTick(signal);
      pause = Math.min(16, pause * 2);
    }
  }

  /**
   * Reads the state. What is given is either a query, which the state machine's `query` answers, or a function, which may look at the
   * state machine as it is then, and nothing else: it is called once, between updates, and its result must not change with them.
   * Rejects with what the function throws, or with a RequestError.
   */
  read(query: Uint8Array, options?: ReadOptions): Promise<ReadOutcome<Uint8Array>>;
  read<T>(look: () => T, options?: ReadOptions): Promise<ReadOutcome<T>>;
  read(what: Uint8Array | (() => unknown), options: ReadOptions = {}): Promise<ReadOutcome<unknown>> {
    const { consistency = "linearizable", signal } = options;
    const queries = this.#driver?.queries;
    if (queries === undefined)
      return Promise.reject(new RequestError("unavailable", "this node has not started"));
    const look = typeof what === "function" ? what : () => queries.ask(what);
    return consistency === "local" ? queries.local(look) : queries.linearizable(look, signal);
  }

  /** Takes a snapshot now. Resolves with the seq up to which it has everything. @throws RequestError */
  async takeSnapshot(): Promise<{ readonly seq: number; readonly bytes: number }> {
    if (this.#driver === undefined) throw new RequestError("unavailable", "this node has not started");
    const { seq, bytes } = await this.#driver.snapshots.take();
    return { seq: Number(seq), bytes: Number(bytes) };
  }

  /** Where this node is reached: host:port. */
  get address(): string {
    return this.#node?.address ?? "";
  }

  /** Who belongs to the cluster, as far as this node knows. */
  get epochRecord(): EpochRecord {
    if (this.#node === undefined) throw new RequestError("unavailable", "this node has not started");
    return this.#node.epochRecord;
  }

  /**
   * The version of commands that every member knows, so that it may be submitted: never lowered. 0 until all know one. See
   * {@link StateMachine.commandVersion}.
   */
  get commandVersion(): number {
    return this.epochRecord.commandVersion;
  }

  /**
   * Changes the membership; only the leader can. Resolves with the membership that the change makes, once that is in force.
   * @throws RequestError: not_leader, invalid or refused, when nothing has changed; any other, when it may still be made. To ask again
   * with the same `changeId` is safe.
   */
  async changeMembership(
    change: MessageInitShape<typeof MembershipChangeSchema>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<EpochRecord> {
    if (this.#driver === undefined) throw new RequestError("unavailable", "this node has not started");
    const changeId = change.changeId ?? randomId();
    return this.#driver.leader.changeMembership(
      create(MembershipChangeSchema, { ...change, changeId }),
      signal,
    );
  }

  /**
   * Hands the leadership over, to this voter, or to the one that is fittest; only the leader can. Resolves with the new leader.
   * Nothing is ordered meanwhile, for some round trips and a save; if nobody takes over, for a progress timeout.
   * @throws RequestError: not_leader; refused, when nobody is fit to take over, or nobody has
   */
  async transferLeadership(to?: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    if (this.#driver === undefined) throw new RequestError("unavailable", "this node has not started");
    return this.#driver.leader.transferLeadership(to, signal);
  }

  /** How the replica stands. */
  status(): StatusResponse {
    if (this.#dispatcher === undefined) throw new RequestError("unavailable", "this node has not started");
    return this.#dispatcher.statusNow();
  }

  /**
   * Stops, in order: no more promises, then the network, then storage. May be called twice. If this node leads, the others need a
   * timeout to notice, unless it has handed over before: see {@link transferLeadership}.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => this.#onStopped(undefined));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { transport, storage } = this.#options;
    await this.#driver?.stop();
    try {
      await transport.close();
    } finally {
      await storage.close();
    }
  }

  /** The resignation leaves first, which takes a turn of the event loop or two. */
  #loseStorage(error: Error): void {
    this.#logger.error(`storage has failed: ${error.message}; this node promises and leads nothing any more`);
    this.#onStorageFailed(error);
    if (this.#options.onStorageFailure === "stay") return;
    const { clock = systemClock } = this.#options;
    clock.soon(() => clock.soon(() => this.#fail(error)));
  }

  #connected(peer: PeerAddress): void {
    this.#logger.info(`connected to node ${peer.nodeId} at ${peer.address}`);
    this.#onPeerReached();
  }

  #refused(peer: PeerAddress, { reason, detail }: AdmissionRefusal): void {
    const message = `refused by node ${peer.nodeId} at ${peer.address}: ${detail}`;
    // Safety rule 8. There is no way back for this storage.
    if (reason === "store") this.#fail(new ConfigError(message));
    else if (reason === "removed") {
      this.#logger.info(message);
      this.#onRemoved();
    } else this.#logger.warn(message);
  }

  #fail(error: Error): void {
    if (this.#closing !== undefined) return;
    this.#onStopped(error);
    this.close().catch((closeError: unknown) => this.#logger.error(`while closing: ${String(closeError)}`));
  }
}

function randomId(): bigint {
  const id = randomBytes(8).readBigUInt64LE();
  return id === 0n ? 1n : id;
}
