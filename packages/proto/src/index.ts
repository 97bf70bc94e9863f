// The messages, their schemas and their services. Users of protobuf-es functions import those from
// @bufbuild/protobuf; users of other languages find the .proto files in this package's proto folder.
export {
  AcceptSchema,
  CatchUpAnswerSchema,
  CatchUpRequestSchema,
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  HeartbeatSchema,
  LeaderTransferSchema,
  MessageSchema,
  PrepareOKSchema,
  PrepareSchema,
  ProposalSchema,
  RefusalReason,
  SnapshotChunkSchema,
  SnapshotRequestSchema,
  SnapshotSchema,
  UpdateKind,
  UpdateRefusalSchema,
  ViewChangeProofSchema,
  ViewChangeSchema,
} from "./gen/paxos/v1/paxos_pb.js";
export type {
  Accept,
  CatchUpAnswer,
  CatchUpRequest,
  ClientUpdate,
  GloballyOrderedUpdate,
  Heartbeat,
  LeaderTransfer,
  Message,
  Prepare,
  PrepareOK,
  Proposal,
  Snapshot,
  SnapshotChunk,
  SnapshotRequest,
  UpdateRefusal,
  ViewChange,
  ViewChangeProof,
} from "./gen/paxos/v1/paxos_pb.js";
export { EpochRecordSchema, MemberSchema, MembershipChangeSchema } from "./gen/paxos/v1/membership_pb.js";
export type { EpochRecord, Member, MembershipChange } from "./gen/paxos/v1/membership_pb.js";
export {
  ClientSessionSchema,
  PeerStoreSchema,
  PersistentStateSchema,
  RepeatedSeqsSchema,
  SaveHistorySchema,
  SaveMarkSchema,
  SessionAnswerSchema,
  SnapshotPartSchema,
  StoredRunSchema,
} from "./gen/paxos/v1/storage_pb.js";
export type {
  ClientSession,
  PeerStore,
  PersistentState,
  RepeatedSeqs,
  SaveHistory,
  SaveMark,
  SessionAnswer,
  SnapshotPart,
  StoredRun,
} from "./gen/paxos/v1/storage_pb.js";
export {
  HandshakeRefusalReason,
  HandshakeRefusalSchema,
  HelloSchema,
  PeerFrameSchema,
  PeerService,
} from "./gen/paxos/v1/peer_service_pb.js";
export type { HandshakeRefusal, Hello, PeerFrame } from "./gen/paxos/v1/peer_service_pb.js";
export {
  BackupPieceSchema,
  BackupRequestSchema,
  ClientService,
  CounterSchema,
  FailureCode,
  LogRequestSchema,
  LogResponseSchema,
  PeerStatusSchema,
  RequestFailureSchema,
  Role,
  StatusRequestSchema,
  StatusResponseSchema,
  StorageHealth,
  TakeSnapshotRequestSchema,
  TakeSnapshotResponseSchema,
  UpdateAnswerSchema,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  UpdateIdSchema,
} from "./gen/paxos/v1/client_service_pb.js";
export type {
  BackupPiece,
  BackupRequest,
  Counter,
  LogRequest,
  LogResponse,
  PeerStatus,
  RequestFailure,
  StatusRequest,
  StatusResponse,
  TakeSnapshotRequest,
  TakeSnapshotResponse,
  UpdateAnswer,
  UpdateAnswers,
  UpdateBatch,
  UpdateId,
} from "./gen/paxos/v1/client_service_pb.js";
export {
  CallSchema,
  ClientHelloSchema,
  FrameSchema,
  ReplySchema,
  ServerHelloSchema,
} from "./gen/paxos/v1/tcp_pb.js";
export type { Call, ClientHello, Frame, Reply, ServerHello } from "./gen/paxos/v1/tcp_pb.js";
export { encodeMessage, encodeProposal } from "./encode.js";
export { decodeClientUpdate, encodeClientUpdate } from "./client-update.js";
export type { ClientUpdateFields, ClientUpdateInit } from "./client-update.js";
