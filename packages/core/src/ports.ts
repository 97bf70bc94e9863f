// The ports: everything through which a replica touches the world. Types only. Adapters implement them;
// to swap one is one line where a program is composed.
import type {
  BackupPiece,
  ChangeMembershipResponse,
  ClientUpdate,
  EpochRecord,
  GloballyOrderedUpdate,
  LogRequest,
  LogResponse,
  MembershipChange,
  MembersResponse,
  Message,
  PersistentState,
  QueryRequest,
  QueryResponse,
  Snapshot,
  StatusResponse,
  StoredRun,
  TakeSnapshotResponse,
  TransferLeadershipResponse,
} from "@paxos/proto";

/** Who speaks on a connection between peers. Exchanged before anything else. */
export interface Identity {
  /** The digest of epoch 0's record. */
  readonly clusterId: Uint8Array;
  readonly nodeId: number;
  /** The id of the node's storage, made with it at random. */
  readonly storeId: bigint;
  /** Chosen at random by the process when it starts: tells it from those before it. 64 bits. */
  readonly incarnation: bigint;
  /**
   * An encoded SaveHistory: what the storage has seen, to be read anew for each introduction. Storage that has not seen what
   * its node is known to have saved is an older copy of itself (safety rule 8). Of no meaning to transports; at most 1 KiB.
   */
  readonly saveHistory: Uint8Array;
  /**
   * The encoded EpochRecord of the node's epoch, to be read anew for each introduction: a peer that was away learns from it whom
   * to ask for what it missed. Of no meaning to transports; at most 64 KiB.
   */
  readonly epochRecord: Uint8Array;
  /** Where the node is reached: host:port. For who does not know it as a member, or not any more. At most 300 characters. */
  readonly address: string;
  /** The newest version of the protocol between peers that the node speaks; given to `admit`, the newest that both speak. */
  readonly protocolVersion: number;
  /** The newest version of commands that the node's state machine knows; 0 when commands have no versions. */
  readonly commandVersion: number;
}

/**
 * Why a peer is refused. Protocol_version: there is no version that both speak, or it does not know commands that the log may hold.
 * Store: its storage is not the one on record (safety rule 8). Removed: it is no member any more, and will
 * never be one again.
 */
export type AdmissionRefusalReason = "protocol_version" | "cluster" | "node" | "store" | "removed";

/** A refusal, sent to the peer before its connection is closed. */
export interface AdmissionRefusal {
  readonly reason: AdmissionRefusalReason;
  /** For the peer's operator: what is wrong and what to do. */
  readonly detail: string;
}

/** Where a peer is reached. */
export interface PeerAddress {
  readonly nodeId: number;
  /** host:port, IPv6 in brackets. */
  readonly address: string;
}

/** What a transport needs to know, and whom it tells what happens. */
export interface TransportContext {
  /** This node, as it introduces itself. */
  readonly identity: Identity;
  /** This node's own address: the one to listen on. Port 0 means any free port. */
  readonly address: string;
  /** All peers to begin with, this node excepted; see {@link Transport.setPeers}. */
  readonly peers: readonly PeerAddress[];
  /** Called with each message received from an admitted peer. Must not be called before `start` was. */
  onMessage(from: number, message: Message): void;
  /** Decides about a peer that has introduced itself. Undefined admits it. */
  admit(peer: Identity): AdmissionRefusal | undefined;
  /** A connection to a peer, over which messages can be sent, is up. */
  onConnected(peer: PeerAddress): void;
  /**
   * That connection is lost, or could not be made; it is being tried again. Told once per loss, and once for
   * the first failure.
   */
  onDisconnected(peer: PeerAddress, reason: string): void;
  /** The peer has refused this node. It is being tried again, with back-off. */
  onRefused(peer: PeerAddress, refusal: AdmissionRefusal): void;
}

/**
 * Moves messages between peers. It may lose, delay, double or reorder them; it never corrupts or misdelivers.
 * A slow or dead peer never delays another. Per peer there are two bounded lanes: control messages are never
 * displaced by bulk (catch-up); when a lane is full, the newest message is dropped and counted.
 */
export interface Transport {
  /**
   * Listens, and connects to the peers, for ever and with back-off. Resolves when it listens; rejects when it
   * cannot (for instance because the port is in use). Called once.
   */
  start(context: TransportContext): Promise<void>;
  /**
   * The peers from now on. Connections to those that are not among them any more, or have another address, are closed; the others
   * stay as they are. Who is not among them may introduce itself all the same: `admit` decides. Called after `start`; never throws.
   */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Queues a message for the peer `message.to`. Never throws, never waits; before `start` it drops. */
  send(message: Message): void;
  /** How often something was dropped, refused or ignored, by name. Names are snake_case and stable. */
  counters(): Readonly<Record<string, number>>;
  /** Closes everything. Resolves when nothing is left open. May be called twice, also before `start`. */
  close(): Promise<void>;
}

/** Who waits for an update that was handed in: told once what became of it. */
export interface UpdateCaller {
  /** The update was executed at this seq, with this answer; as a duplicate, earlier than now. */
  onOrdered(seq: number, result: Uint8Array, duplicate: boolean): void;
  /** A {@link RequestError}, or an error that callers are told nothing of. */
  onFailed(error: unknown): void;
}

/** Takes updates without a promise and a signal for each: for who has very many under way, such as a stream. */
export interface UpdateIntake {
  /** Has an update ordered. Its caller may be told before this returns. */
  take(update: ClientUpdate, caller: UpdateCaller): void;
  /** This caller waits no more, and is told so: `cancelled`, if it has been told nothing else. The update may be ordered all the same. */
  leave(update: ClientUpdate, caller: UpdateCaller): void;
  /** Who leads, as far as is known: the node that was asked may not know, or not have said so yet. */
  readonly leader: number | undefined;
}

/** What clients may ask of a node. Implemented once, by the dispatcher of @paxos/replica. */
export interface ClientHandler {
  /** Orders an update. Rejects with a {@link RequestError}. */
  clientUpdate(update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate>;
  /** The same for many at once, if the handler has it: transports use it for whatever comes on a stream. */
  readonly updateIntake?: UpdateIntake;
  /** Asks the state machine something that changes nothing. Rejects with a {@link RequestError}. */
  query(request: QueryRequest, signal: AbortSignal): Promise<QueryResponse>;
  /**
   * Streams the ordered log. Ends, unless following, at the ARU of the moment of the call. Rejects with a
   * {@link RequestError}.
   */
  log(request: LogRequest, signal: AbortSignal): AsyncIterable<LogResponse>;
  /** The node's status. */
  status(): Promise<StatusResponse>;
  /** Takes a snapshot of the state machine now. Rejects with a {@link RequestError}. */
  takeSnapshot(signal: AbortSignal): Promise<TakeSnapshotResponse>;
  /** Takes a snapshot now and streams it. Rejects with a {@link RequestError}. */
  backup(signal: AbortSignal): AsyncIterable<BackupPiece>;
  /** Who belongs to the cluster, as far as the node knows. */
  members(): Promise<MembersResponse>;
  /**
   * Changes the membership. Resolves when the epoch that the change makes has begun. Rejects with a {@link RequestError}: not_leader
   * or refused, when nothing has changed; any other code, when it may still be made.
   */
  changeMembership(change: MembershipChange, signal: AbortSignal): Promise<ChangeMembershipResponse>;
  /**
   * Hands the leadership over: to this node, or to the one that is fittest. Resolves when it has been. Rejects with a {@link RequestError}.
   */
  transferLeadership(to: bigint | undefined, signal: AbortSignal): Promise<TransferLeadershipResponse>;
}

/** The server side of requests that have answers. Moves frames; knows nothing of their meaning. */
export interface ClientListener {
  /**
   * Serves requests with this handler from the moment that the transport listens. Called once, before
   * `start`.
   */
  serve(handler: ClientHandler): void;
}

/** The client side of requests that have answers. Every call rejects with a {@link RequestError}. */
export interface ClientTransport {
  /**
   * Sends an update to the server at `address` (host:port) and waits for it to be ordered. The answer may lack
   * `update`.
   */
  clientUpdate(address: string, update: ClientUpdate, signal: AbortSignal): Promise<GloballyOrderedUpdate>;
  /**
   * The same for many at once, if the transport has it; undefined when it sends each by a call of its own. What it gives may be used for one
   * update or several, but not kept: after the loss of a connection there is another one. Throws a {@link RequestError}.
   */
  updatesTo?(address: string): UpdateIntake | undefined;
  /** Asks the state machine of the server at `address`. */
  query(address: string, request: QueryRequest, signal: AbortSignal): Promise<QueryResponse>;
  /** Streams the log of the server at `address`. */
  log(address: string, request: LogRequest, signal: AbortSignal): AsyncIterable<LogResponse>;
  /** Asks the server at `address` for its status. */
  status(address: string, signal: AbortSignal): Promise<StatusResponse>;
  /** Has the server at `address` take a snapshot. */
  takeSnapshot(address: string, signal: AbortSignal): Promise<TakeSnapshotResponse>;
  /** Streams a copy of the state of the server at `address`. */
  backup(address: string, signal: AbortSignal): AsyncIterable<BackupPiece>;
  /** Asks the server at `address` who belongs to the cluster. */
  members(address: string, signal: AbortSignal): Promise<MembersResponse>;
  /** Has the server at `address`, which must lead, change the membership. */
  changeMembership(
    address: string,
    change: MembershipChange,
    signal: AbortSignal,
  ): Promise<ChangeMembershipResponse>;
  /** Has the server at `address`, which must lead, hand over: to this node, or to the one that is fittest. */
  transferLeadership(
    address: string,
    to: bigint | undefined,
    signal: AbortSignal,
  ): Promise<TransferLeadershipResponse>;
  /** Closes all connections. May be called twice. */
  close(): Promise<void>;
}

/** What must be made durable together, and what may be said only afterwards. */
export interface Save {
  /** Counts the saves of this node from 1, without gaps, over restarts too. */
  readonly number: number;
  /** Replaces the state saved before. */
  readonly state: PersistentState;
  /**
   * Appended to what was saved before; never replaces a run. Where runs overlap, see {@link Storage.read}.
   */
  readonly runs: readonly StoredRun[];
  /**
   * A snapshot received in full, which takes the place of the log up to its seq in this very save: from then on it is the
   * latest, and the log begins behind it.
   */
  readonly install?: Snapshot;
  /** To be sent once the save is durable, not before (safety rule 2). */
  readonly messages: readonly Message[];
}

/** A piece of a snapshot. */
export interface ChunkData {
  readonly data: Uint8Array;
  /** The CRC-32 of the snapshot's bytes up to the end of this chunk. */
  readonly checksum: number;
}

/** What tells a snapshot from all others. */
export type SnapshotId = Pick<Snapshot, "seq" | "origin">;

/** A snapshot of a peer, of which the chunks below `next` have been received. */
export interface IncomingSnapshot {
  readonly snapshot: Snapshot;
  readonly next: number;
}

/** What storage holds when a node starts. */
export interface StoredState {
  /** Random, not 0, made when the storage was made, durable before `load` resolves. */
  readonly storeId: bigint;
  /** The state of the last save; absent when nothing was ever saved. */
  readonly state?: PersistentState;
  /** The runs that reach above `state.localAru`, in the order in which they were saved. */
  readonly runs: readonly StoredRun[];
  /**
   * The snapshots held in full, the latest last: none above `state.localAru`. A node starts with the latest and what the
   * log holds behind it. Absent: none.
   */
  readonly snapshots?: readonly Snapshot[];
  /** What has been received of a peer's snapshot. */
  readonly incoming?: IncomingSnapshot;
  /** The first seq of the log. Absent: 1. */
  readonly firstSeq?: number;
}

/** Ordered updates read from storage. */
export interface StoredUpdates {
  /** The seq of the first update. */
  readonly seq: number;
  /** Encoded ClientUpdates for seq, seq + 1, and so on. May be empty. */
  readonly updates: readonly Uint8Array[];
  /** The first seq that storage still holds: 1, until the log has been compacted. */
  readonly firstSeq: number;
}

/** A node's own snapshot on its way to storage. */
export interface SnapshotDraft {
  /** The last seq whose update is in it. At most the `localAru` of the last durable save once `chunks` has ended. */
  readonly seq: number;
  readonly epochRecord: EpochRecord;
  /** Its bytes, cut as they are to be stored and sent. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Keeps what a node has promised and accepted. One process at a time. */
export interface Storage {
  /** Opens the storage, making it when there is none. Called once, before all else. */
  load(): Promise<StoredState>;
  /**
   * Resolves when the save is durable, all of it. Called with one save at a time, in their order. After it
   * has rejected, nothing more must be saved.
   */
  save(save: Save): Promise<void>;
  /**
   * Reads ordered updates from `from` to `upTo`, both included, as many as fit `maxBytes` but at least one if
   * there is one. Never asked above the `localAru` of the last durable save. Where several saved runs hold
   * the same seq, a run marked `ordered` counts, else that of the highest ballot (epoch, then view): safety
   * rules 3 and 4 make that the ordered one.
   */
  read(from: number, upTo: number, maxBytes: number): Promise<StoredUpdates>;
  /**
   * Writes a snapshot that this node has taken, beside saves and reads. Once it resolves, all of it is durable and it is
   * the latest; before, a crash leaves nothing of it. When `chunks` throws, nothing of it remains and the call rejects
   * with the same error. Called with one snapshot at a time, whose seq is above that of the latest.
   */
  writeSnapshot(draft: SnapshotDraft): Promise<Snapshot>;
  /** A chunk of a snapshot held in full; undefined when that is not held, or not any more. */
  readChunk(snapshot: SnapshotId, index: number): Promise<ChunkData | undefined>;
  /**
   * Adds a chunk of a peer's snapshot to those before it. Resolves with the index of the chunk that is wanted next: that
   * after it, if it was the one wanted and its checksum fits; else that which is still wanted. Chunk 0 of another snapshot
   * begins anew and drops what was received. A crash may take back the latest chunks. Called with one chunk at a time.
   */
  receiveChunk(snapshot: Snapshot, index: number, chunk: ChunkData): Promise<number>;
  /**
   * Drops the log below `firstSeq`, which is at most one above the seq of the latest snapshot, and all snapshots but the
   * latest and those of `keep`. Runs beside saves and reads; one at a time. A crash leaves it undone, done, or the log
   * dropped only in part, from below. Resolves with the first seq held.
   */
  compact(firstSeq: number, keep: readonly SnapshotId[]): Promise<number>;
  /** Closes the storage. Resolves when a save under way has ended. May be called twice. */
  close(): Promise<void>;
}

/** Time. The only source of it. */
export interface Clock {
  /**
   * Calls `onTick` every `intervalMs` until the returned function is called. Ticks missed while the event
   * loop was stalled are left out, never made up for in a burst.
   */
  every(intervalMs: number, onTick: () => void): () => void;
  /** Calls `callback` once, after the inputs that are already waiting. */
  soon(callback: () => void): void;
  /** Milliseconds that never run backwards. Only leases need it: see `leaseTicks`. Absent: there are none. */
  now?(): number;
}

/**
 * What is replicated. Deterministic: the same updates in the same order give the same results everywhere. Without
 * `snapshot` and `restore`, which come together, the log is kept for ever and applied from its beginning at each start.
 */
export interface StateMachine {
  /**
   * The newest version of commands that `apply` knows, 1 to 2^32 - 1. A cluster uses it, and clients may send it, once all members
   * know it; from then on nodes that do not are refused, so that no update is ever applied by one that cannot read it. Absent: commands
   * have no versions, or always the same.
   */
  readonly commandVersion?: number;
  /**
   * Applies an update and returns the answer for the client, which may be empty. Called with each update
   * once, in seq order; after a restart again, from the latest snapshot on. A throw stops the node.
   *
   * @param commandVersion the version of commands that is in use at this seq, the same on all nodes; 0 until all members know one. Of a
   *   newer one nothing may be executed: nodes that do not know it may apply the same update.
   */
  apply(update: Uint8Array, seq: number, commandVersion: number): Uint8Array;
  /**
   * Answers a question about the state as it stands, and changes nothing. Called between updates. A {@link RequestError} that it throws
   * is the client's answer; any other throw is logged, and fails this one query alone. Absent: nothing can be asked.
   */
  query?(query: Uint8Array): Uint8Array;
  /**
   * Gives the state as it stands now, in pieces of any size. The first piece is asked for at once; the others later, while
   * further updates are being applied, which must not show in them. A throw abandons this snapshot, and is logged.
   */
  snapshot?(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /**
   * Replaces the whole state by the one that `snapshot` gave, here or on another node. The pieces may be cut otherwise; the
   * bytes are the same. No update is applied meanwhile. A throw stops the node.
   */
  restore?(pieces: AsyncIterable<Uint8Array>): Promise<void> | void;
}
