// Snapshots: served to peers whose questions the log cannot answer any more, and fetched from them. Chunk by chunk, so that a
// lost connection costs a chunk; a peer keeps what is being fetched from it while it takes newer ones.
import type { Snapshot, SnapshotChunk, SnapshotRequest } from "@paxos/proto";
import { deliverInstalled } from "./delivery.js";
import { enterEpoch } from "./epochs.js";
import { invariant } from "./errors.js";
import { sameSnapshot, stillNeeded, type Held } from "./held-snapshots.js";
import { ignore } from "./ignored.js";
import { Membership } from "./membership.js";
import { acceptEarly, advance } from "./ordering.js";
import type { ChunkRequest, ReceivedChunk } from "./outbox.js";
import type { Peer } from "./peers.js";
import type { ChunkData, SnapshotId } from "./ports.js";
import { sameRecord, snapshotFormat } from "./restore.js";
import type { State } from "./state.js";
import { everybody, hearsLeader, restartProgress } from "./view.js";
import { fromWire, PeerError, toWire } from "./wire.js";

const MiB = 1024 * 1024;

/** The most bytes of a chunk; more would not fit a frame. */
export const maxChunkBytes = 8 * MiB;

/** Questions without an answer of use before another peer is tried: some seconds, for connections come back. */
const patience = 8;

/** For how many progress timeouts after a peer's last question what it needs is kept: half a minute. */
const keptFor = 50;

/** What must stay in storage for peers that are on their way to being level. */
export interface Retention {
  /** Snapshots besides the latest. */
  readonly snapshots: readonly SnapshotId[];
  /** The first seq that one of them still needs of the log; undefined when none needs any. */
  readonly logFrom: number | undefined;
}

/** A peer's log does not reach back to what this node lacks: it is to send a snapshot. */
export function startFetch(s: State, from: Peer): void {
  const busy = s.fetch !== undefined || s.storingChunk || s.restoring !== undefined;
  if (busy || s.role === "leader" || s.storageFailed) return;
  // What was received once and is of no use any more.
  if (s.incoming !== undefined && Number(s.incoming.snapshot.seq) <= s.history.aru) s.incoming = undefined;
  s.fetch = { from: from.nodeId, asked: undefined, tries: 0 };
  const { incoming } = s;
  if (incoming !== undefined && isComplete(incoming)) return install(s, incoming.snapshot);
  s.settings.logger.info(
    incoming === undefined
      ? `node ${from.nodeId} does not hold what follows seq ${s.history.aru} any more: fetches a snapshot from it`
      : `goes on fetching the snapshot at seq ${incoming.snapshot.seq} at chunk ${incoming.next} of ${incoming.snapshot.chunks}`,
  );
  ask(s);
}

function isComplete({ snapshot, next }: NonNullable<State["incoming"]>): boolean {
  return next === snapshot.chunks;
}

/** Every tick: asks again where no answer came, and gives up a peer that does not answer. */
export function tickFetch(s: State): void {
  if (s.fetch === undefined) return;
  if (s.role === "leader") return stopFetch(s);
  const { asked } = s.fetch;
  if (asked === undefined || s.now - asked < 3 * s.settings.heartbeatTicks) return;
  retry(s);
}

function retry(s: State): void {
  if (s.fetch === undefined) return;
  if (++s.fetch.tries <= patience) return ask(s);
  stopFetch(s);
}

/** Catch-up goes on with another peer, and finds out anew what that one holds. */
function stopFetch(s: State): void {
  s.fetch = undefined;
  s.catchUp.changes++;
}

function ask(s: State): void {
  if (s.fetch === undefined) return;
  const { incoming } = s;
  s.fetch.asked = s.now;
  s.outbox.send(s.fetch.from, {
    case: "snapshotRequest",
    value: {
      nodeId: toWire(s.settings.nodeId),
      seq: incoming?.snapshot.seq ?? 0n,
      origin: incoming?.snapshot.origin ?? 0n,
      index: incoming?.next ?? 0,
    },
  });
}

/** A peer fetches a snapshot. Of one that is not held any more it is sent the beginning of the latest. */
export function onSnapshotRequest(s: State, from: Peer, request: SnapshotRequest): void {
  const latest = s.held.at(-1);
  if (latest === undefined) return answer(s, from.nodeId, undefined);
  const wanted = s.held.find(({ snapshot }) => sameSnapshot(snapshot, request));
  const { snapshot } = wanted ?? latest;
  const index = wanted === undefined ? 0 : request.index;
  if (index >= snapshot.chunks) {
    throw new PeerError("malformed", `chunk ${index} of a snapshot of ${snapshot.chunks}`);
  }
  (wanted ?? latest).asked = s.now;
  from.needs = { seq: fromWire(snapshot.seq, "seq") + 1, tick: s.now };
  if (s.readingChunk.has(from.nodeId)) return;
  s.readingChunk.add(from.nodeId);
  s.outbox.chunkReads.push({ to: from.nodeId, snapshot, index });
}

/** Storage has read a chunk for a peer; or it holds that snapshot no more, and the peer asks again. */
export function onChunkRead(s: State, { to, snapshot, index }: ChunkRequest, chunk?: ChunkData): void {
  s.readingChunk.delete(to);
  if (chunk !== undefined) answer(s, to, { snapshot, index, ...chunk });
}

function answer(s: State, to: number, chunk: ReceivedChunk | undefined): void {
  s.outbox.send(to, {
    case: "snapshotChunk",
    value: { nodeId: toWire(s.settings.nodeId), localAru: toWire(s.history.aru), ...chunk },
  });
}

/** A chunk of a peer's snapshot. */
export function onSnapshotChunk(s: State, from: Peer, message: SnapshotChunk): void {
  const { fetch, incoming } = s;
  if (s.role === "leader" || fetch?.from !== from.nodeId || fetch.asked === undefined) {
    return ignore(s, "unasked_chunk", `chunk ${message.index} of a snapshot of node ${from.nodeId}`);
  }
  from.aru = Math.max(from.aru, fromWire(message.localAru, "ARU"));
  const { snapshot, index, data, checksum } = message;
  if (snapshot === undefined) return stopFetch(s);
  checkChunk(s, snapshot, message);
  if (fromWire(snapshot.seq, "seq") <= s.history.aru) {
    ignore(s, "old_snapshot", `snapshot at seq ${snapshot.seq}, the ARU is ${s.history.aru}`);
    return stopFetch(s);
  }
  const goesOn = incoming !== undefined && sameSnapshot(snapshot, incoming.snapshot);
  if (index !== (goesOn ? incoming.next : 0)) {
    return ignore(s, "unasked_chunk", `chunk ${index}, wanted is ${goesOn ? incoming.next : 0}`);
  }
  fetch.asked = undefined;
  s.storingChunk = true;
  s.outbox.chunkWrites.push({ snapshot, index, data, checksum });
}

function checkChunk(s: State, snapshot: Snapshot, { index, data }: SnapshotChunk): void {
  const { formatVersion, seq, chunks, bytes, epochRecord } = snapshot;
  const refuse = (what: string): never => {
    throw new PeerError("malformed_snapshot", `snapshot at seq ${seq}: ${what}`);
  };
  if (formatVersion !== snapshotFormat)
    refuse(`format ${formatVersion}, this version reads ${snapshotFormat}`);
  if (index >= chunks) refuse(`chunk ${index} of ${chunks}`);
  if (data.length > maxChunkBytes || BigInt(data.length) > bytes) refuse(`a chunk of ${data.length} bytes`);
  const { membership } = s;
  if (epochRecord === undefined) return refuse("no members");
  if (epochRecord.epoch === toWire(membership.epoch) && !sameRecord(epochRecord, membership.record)) {
    refuse("its members are not those of this node's epoch");
  }
  try {
    void new Membership(epochRecord);
  } catch (error) {
    refuse(String(error));
  }
}

/** Storage has taken a chunk, or says which one it wants instead. */
export function onChunkReceived(s: State, chunk: ReceivedChunk, next: number): void {
  invariant(s.storingChunk, "a chunk was on its way to storage");
  s.storingChunk = false;
  s.incoming = { snapshot: chunk.snapshot, next };
  if (s.fetch === undefined) return;
  if (next !== chunk.index + 1) {
    ignore(
      s,
      "wrong_chunk",
      `chunk ${chunk.index} of the snapshot at seq ${chunk.snapshot.seq} does not fit`,
    );
    // All of them do not add up: another peer's may.
    return next === 0 ? stopFetch(s) : retry(s);
  }
  s.fetch.tries = 0;
  // It gets on, though the ARU does not: no reason to leave a leader that is there.
  if (s.role === "follower" && hearsLeader(s)) restartProgress(s);
  if (isComplete(s.incoming)) install(s, chunk.snapshot);
  else ask(s);
}

/**
 * All of a snapshot is here. In one save it takes the place of the log up to its seq; the promise, and what was accepted
 * above, stay what they are. The state machine is given it once that is durable.
 */
function install(s: State, snapshot: Snapshot): void {
  s.fetch = undefined;
  s.incoming = undefined;
  const seq = fromWire(snapshot.seq, "seq");
  // Overtaken meanwhile, or the leader goes by its votes alone.
  if (seq <= s.history.aru || s.role === "leader") return;
  s.settings.logger.info(`installs the snapshot at seq ${seq}, ${snapshot.bytes} bytes`);
  s.history.install(seq);
  s.outbox.install = snapshot;
  s.outbox.saveWanted = true;
  deliverInstalled(s, snapshot);
  const { epochRecord } = snapshot;
  if (epochRecord !== undefined && Number(epochRecord.epoch) > s.membership.epoch) enterEpoch(s, epochRecord);
  acceptEarly(s);
  advance(s);
}

/** A save that installs a snapshot is durable. */
export function onInstalled(s: State, snapshot: Snapshot): void {
  onSnapshotTaken(s, snapshot);
  if (s.restoring?.snapshot === snapshot) s.restoring.durable = true;
}

/** This node has taken a snapshot, and storage holds it. */
export function onSnapshotTaken(s: State, snapshot: Snapshot): void {
  s.held = [...s.held, { snapshot, asked: s.now }];
}

/** What peers still need; what they do not is forgotten here, and must not be read for them any more. */
export function retention(s: State): Retention {
  const since = s.now - keptFor * s.settings.progressTicks;
  s.held = stillNeeded(s.held, since, s.peers.size + s.strangers.size);
  const needs = [...everybody(s)].flatMap(({ needs }) =>
    needs !== undefined && needs.tick >= since ? [needs.seq] : [],
  );
  return {
    snapshots: s.held.slice(0, -1).map(({ snapshot }: Held) => snapshot),
    logFrom: needs.length > 0 ? Math.min(...needs) : undefined,
  };
}
