// The handle: inputs in, outputs out. Everything here is synchronous.
import { onRead } from "./catch-up.js";
import { changeMembership, type ChangeResult } from "./change.js";
import { takeUpdate, type ProposeResult, type UpdateRequest } from "./client-update.js";
import { initialMembership, validateConfig, type Config } from "./config.js";
import { onApplied, onReplayed, onRestored } from "./delivery.js";
import { describeMessage } from "./describe.js";
import { ConfigError, InvariantError, RequestError } from "./errors.js";
import { checkInvariants } from "./invariants.js";
import { Membership } from "./membership.js";
import { advance, makeAccept } from "./ordering.js";
import type { ChunkRequest, Durable, Ready, ReadRequest, ReceivedChunk } from "./outbox.js";
import { onSaved, settle, step, tick } from "./paxos.js";
import { isRemoved, peerAddresses, requireKnownCommands } from "./epochs.js";
import { takeRead, type ReadResult } from "./reads.js";
import type { AdmissionRefusal, ChunkData, PeerAddress, Save, StoredState, StoredUpdates } from "./ports.js";
import { makePersistentState, recordedEpoch } from "./restore.js";
import { onChunkRead, onChunkReceived, onSnapshotTaken, retention, type Retention } from "./snapshots.js";
import { makeState, type State } from "./state.js";
import { statusOf, type NodeStatus } from "./status.js";
import { encodeHistory } from "./save-history.js";
import { onStorageFailed } from "./storage-health.js";
import { admit, type Introduction } from "./stores.js";
import { startTransfer, type TransferResult } from "./transfer.js";
import { knownLeader } from "./view.js";
import { type EpochRecord, type MembershipChange, type Message, type Snapshot } from "@paxos/proto";

/**
 * Starts a node whose storage is new.
 * @throws ConfigError
 */
export function startNode(config: Config, storeId: bigint): Node {
  return restartNode(config, { storeId, runs: [] });
}

/**
 * Starts a node with what `Storage.load` gave, be that nothing. Updates ordered before come out of `ready`
 * again, from the one on that follows the latest snapshot: its caller has given that to the state machine.
 * @throws ConfigError when the configuration is wrong or the storage belongs to another node, cluster or format.
 */
export function restartNode(config: Config, stored: StoredState): Node {
  const settings = validateConfig(config);
  const { state } = stored;
  const membership =
    state === undefined
      ? initialMembership(config)
      : new Membership(recordedEpoch(config.epochRecord, state));
  requireKnownCommands(settings.commandVersion, membership.record);
  if (stored.storeId <= 0n)
    throw new ConfigError(`storeId is ${stored.storeId}; allowed is any 64-bit number but 0`);
  return new Node(makeState(settings, membership, stored));
}

/**
 * One member of a cluster, as a state machine without effects: give it ticks, messages and updates; do what
 * `ready` says; report what is saved and applied. The same inputs give the same outputs, byte for byte.
 *
 * Any method but `status` and `leader` may throw an {@link InvariantError}, or a {@link ConfigError} when the cluster begins to use commands
 * that this node does not know; then the node is dead and every further call throws.
 */
export class Node {
  readonly #state: State;
  #failure: InvariantError | ConfigError | undefined;

  /** @internal Use {@link startNode} or {@link restartNode}. */
  constructor(state: State) {
    this.#state = state;
  }

  /** One tick of the clock has passed: 10 ms, unless all nodes agree on something else. */
  tick(): void {
    this.#run((s) => tick(s));
  }

  /** Takes a message from a peer. Messages that make no sense are ignored and counted. */
  step(message: Message): void {
    this.#run((s) => {
      if (s.settings.logger.verbose) s.settings.logger.debug(`received ${describeMessage(message)}`);
      step(s, message);
    });
  }

  /**
   * Takes an update for ordering, and answers at once what becomes of it.
   * @throws RequestError (invalid) when the client id is 0, or a number has more than 64 bits.
   */
  propose(request: UpdateRequest): ProposeResult {
    const { clientId, timestamp, session = 0n, answeredUpTo = 0n } = request;
    requireUint64(clientId);
    requireUint64(timestamp);
    requireUint64(session);
    requireUint64(answeredUpTo);
    if (clientId === 0n) throw new RequestError("invalid", "client id 0 is reserved; choose any other");
    return this.#run((s) => takeUpdate(s, request));
  }

  /**
   * Takes a linearizable read, at any member. Once `ready` names its number as readable, the state machine has applied every update
   * that was answered to anybody before this call, and may be asked. Costs no save and no place in the order; all reads of a turn share
   * a round trip to the leader and one between it and the voters. It waits as long as there is no leader.
   */
  read(): ReadResult {
    return this.#run((s) => takeRead(s));
  }

  /** Changes the membership. Only the leader can; whoever asks again with the same change id has it made once. */
  changeMembership(change: MembershipChange): ChangeResult {
    return this.#run((s) => changeMembership(s, change));
  }

  /**
   * Hands the leadership over to this voter, or, when none is named, to the one that is fittest. Nothing new is proposed meanwhile; if
   * it does not succeed within a progress timeout, this node goes on leading.
   */
  transferLeadership(to?: number): TransferResult {
    return this.#run((s) => startTransfer(s, to));
  }

  /**
   * What is to be done now; undefined when nothing is. Whatever is given out is not given out again.
   * @param nowMs milliseconds of a clock that never runs backwards, read after all inputs so far. Only leases need it: without, there are none.
   */
  ready(nowMs?: number): Ready | undefined {
    return this.#run((s) => {
      settle(s, nowMs);
      const due = s.outbox.saving === undefined && s.outbox.saveWanted && !s.storageFailed;
      const save = due ? makeSave(s) : undefined;
      if (save === undefined && s.outbox.isEmpty) return undefined;
      const ready = s.outbox.take(save);
      if (s.settings.logger.verbose) {
        for (const message of ready.messages) s.settings.logger.debug(`sends ${describeMessage(message)}`);
        for (const message of save?.messages ?? []) {
          s.settings.logger.debug(`sends when saved ${describeMessage(message)}`);
        }
      }
      return ready;
    });
  }

  /** This save is durable. Its messages may be sent before or after. */
  saved(save: Save): void {
    this.#run((s) => onSaved(s, s.outbox.endSave(save.number)));
  }

  /** The state machine has applied every ordered update up to this seq. */
  applied(seq: number): void {
    this.#run((s) => {
      onApplied(s, seq);
      advance(s);
    });
  }

  /** All of this is done: saved, and applied. */
  advance(ready: Ready): void {
    if (ready.save !== undefined) this.saved(ready.save);
    const last = ready.orderedUpdates.at(-1);
    if (last !== undefined) this.applied(last.seq);
  }

  /** What storage held for a read that `ready` asked for. */
  answer(request: ReadRequest, stored: StoredUpdates): void {
    this.#run((s) => {
      if (request.to === undefined) onReplayed(s, request, stored);
      else onRead(s, request.to, request, stored);
    });
  }

  /** A chunk that `ready` asked for; undefined when storage holds that snapshot no more. */
  answerChunk(request: ChunkRequest, chunk: ChunkData | undefined): void {
    this.#run((s) => onChunkRead(s, request, chunk));
  }

  /** Storage has been given a chunk; `next` is the index of the one that it wants now. */
  chunkReceived(chunk: ReceivedChunk, next: number): void {
    this.#run((s) => onChunkReceived(s, chunk, next));
  }

  /** The state machine and the sessions are what the snapshot at this seq says. */
  restored(seq: number): void {
    this.#run((s) => {
      onRestored(s, seq);
      advance(s);
    });
  }

  /** Storage holds a snapshot that was taken of the state machine here. */
  snapshotTaken(snapshot: Snapshot): void {
    this.#run((s) => onSnapshotTaken(s, snapshot));
  }

  /** What is to be kept for peers. Whatever is not in the answer is given to no peer any more. */
  retention(): Retention {
    return this.#run((s) => retention(s));
  }

  /** A save has failed. From now on the node saves, promises and leads nothing; it still lends its past to its peers. */
  storageFailed(): void {
    this.#run((s) => onStorageFailed(s));
  }

  /** Whether a peer that introduces itself may talk to this node. Undefined admits it. */
  admit(peer: Introduction): AdmissionRefusal | undefined {
    return this.#run((s) => admit(s, peer));
  }

  /** The leader this node goes by, itself or one heard in person; undefined while there is none. */
  get leader(): number | undefined {
    return knownLeader(this.#state);
  }

  /** Where this node is reached, or was when it was a member last. */
  get address(): string {
    return this.#state.address;
  }

  /** Whether a hand-over is under way. */
  get transferring(): boolean {
    return this.#state.transfer !== undefined;
  }

  /** Whether this node was removed from the cluster, and nobody needs it any more: it may be stopped. */
  get retired(): boolean {
    return this.#state.retired;
  }

  /** The seq that was applied last. */
  get appliedSeq(): number {
    return this.#state.applied;
  }

  /** Whether this node was removed from the cluster: it takes part in nothing new, and no read is served any more. */
  get removed(): boolean {
    return isRemoved(this.#state);
  }

  /** The membership. */
  get epochRecord(): EpochRecord {
    return this.#state.membership.record;
  }

  /** Whom to be connected to. */
  get peerAddresses(): readonly PeerAddress[] {
    return peerAddresses(this.#state);
  }

  /** What storage has seen, for peers: see {@link Identity}. */
  get saveHistory(): Uint8Array {
    return encodeHistory(this.#state.saves.upTo(this.#state.durable.saveNumber));
  }

  /** How the node stands. */
  status(): NodeStatus {
    return statusOf(this.#state);
  }

  #run<T>(input: (s: State) => T): T {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const result = input(this.#state);
      checkInvariants(this.#state);
      return result;
    } catch (error) {
      this.#failure =
        error instanceof InvariantError || error instanceof ConfigError
          ? error
          : new InvariantError(`unexpected: ${String(error)}`, { cause: error });
      throw this.#failure;
    }
  }
}

function requireUint64(value: bigint): void {
  if (value !== BigInt.asUintN(64, value))
    throw new RequestError("invalid", `${value} is no unsigned 64-bit integer`);
}

/** All that piled up, with one cumulative Accept for everything it makes durable. */
function makeSave(s: State): Save {
  const makes: Durable = {
    saveNumber: s.durable.saveNumber + 1,
    epoch: s.membership.epoch,
    promisedView: s.promised,
    ledView: s.led,
    aru: s.history.aru,
    accepted: { view: s.promised, seq: s.history.accepted },
    peerStores: [...s.peers.values()].filter((peer) => peer.storeId !== undefined).map((peer) => peer.nodeId),
    install: s.outbox.install,
  };
  if (s.outbox.acceptWanted && makes.accepted.seq > 0) {
    for (const peer of s.peers.keys()) {
      s.outbox.sendAfterSave(peer, { case: "accept", value: makeAccept(s, makes) });
    }
  }
  const state = makePersistentState(s, s.view, makes, s.peers.values(), s.saves);
  return { number: makes.saveNumber, state, ...s.outbox.beginSave(makes, s.now) };
}
