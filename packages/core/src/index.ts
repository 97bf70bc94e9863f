// What users of the core import. Adapters of the ports need nothing else either.
export { restartNode, startNode } from "./node.js";
export type { Node } from "./node.js";
export type { Config } from "./config.js";
export { recoverAlone } from "./recovery.js";
export type { Recovery } from "./recovery.js";
export type { ChangeResult } from "./change.js";
export { maxEpochRecordBytes } from "./epochs.js";
export { firstEpoch, membersOf } from "./membership.js";
export type { QuorumSizes } from "./membership.js";
export { maxAddress } from "./next-epoch.js";
export { nextEpochIn } from "./stop-sign.js";
export type { ReadResult } from "./reads.js";
export type { TransferResult } from "./transfer.js";
export type { ChunkRequest, OrderedUpdate, ReadRequest, Ready, ReceivedChunk, Refusal } from "./outbox.js";
export { maxChunkBytes } from "./snapshots.js";
export type { Retention } from "./snapshots.js";
export { maxSaveHistoryBytes } from "./save-history.js";
export type { StorageHealth } from "./storage-health.js";
export type { Introduction } from "./stores.js";
export { isBulk } from "./bulk.js";
export type { NodeRole } from "./state.js";
export type { NodeStatus } from "./status.js";
export type { ProposeResult, UpdateRequest } from "./client-update.js";
export { ConfigError, InvariantError, RequestError } from "./errors.js";
export type { RequestErrorCode } from "./errors.js";
export { readUpdate } from "./read-update.js";
export { silentLogger } from "./logger.js";
export type { Logger } from "./logger.js";
export { Sessions, sessionWindow } from "./sessions.js";
export type { Execution, SessionBounds, UpdateIdentity } from "./sessions.js";
export { UpdateTable } from "./update-table.js";
export { agreeOnVersion, protocolVersions } from "./protocol-versions.js";
export { describeMessage } from "./describe.js";
export type {
  AdmissionRefusal,
  AdmissionRefusalReason,
  ChunkData,
  ClientHandler,
  ClientListener,
  ClientTransport,
  Clock,
  Identity,
  IncomingSnapshot,
  PeerAddress,
  Save,
  SnapshotDraft,
  SnapshotId,
  StateMachine,
  Storage,
  StoredState,
  StoredUpdates,
  Transport,
  TransportContext,
  UpdateCaller,
  UpdateIntake,
} from "./ports.js";
