// The messages, their schemas and their services. Users of protobuf-es functions import those from
// @bufbuild/protobuf; users of other languages find the .proto files in this package's proto folder.
export {
  AcceptSchema,
  CatchUpAnswerSchema,
  CatchUpRequestSchema,
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  HeartbeatSchema,
  MessageSchema,
  PrepareOKSchema,
  PrepareSchema,
  ProposalSchema,
  RefusalReason,
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
  Message,
  Prepare,
  PrepareOK,
  Proposal,
  UpdateRefusal,
  ViewChange,
  ViewChangeProof,
} from "./gen/paxos/v1/paxos_pb.js";
export { EpochRecordSchema, MemberSchema } from "./gen/paxos/v1/membership_pb.js";
export type { EpochRecord, Member } from "./gen/paxos/v1/membership_pb.js";
export { PeerStoreSchema, PersistentStateSchema, StoredRunSchema } from "./gen/paxos/v1/storage_pb.js";
export type { PeerStore, PersistentState, StoredRun } from "./gen/paxos/v1/storage_pb.js";
export {
  HandshakeRefusalReason,
  HandshakeRefusalSchema,
  HelloSchema,
  PeerFrameSchema,
  PeerService,
} from "./gen/paxos/v1/peer_service_pb.js";
export type { HandshakeRefusal, Hello, PeerFrame } from "./gen/paxos/v1/peer_service_pb.js";
export {
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
  UpdateAnswerSchema,
  UpdateAnswersSchema,
  UpdateBatchSchema,
  UpdateIdSchema,
} from "./gen/paxos/v1/client_service_pb.js";
export type {
  Counter,
  LogRequest,
  LogResponse,
  PeerStatus,
  RequestFailure,
  StatusRequest,
  StatusResponse,
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
