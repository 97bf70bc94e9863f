// What transports are made of.
export { AbortListeners } from "./abort-listeners.js";
export { formatAddress, parseAddress } from "./address.js";
export type { HostPort } from "./address.js";
export { BackOff } from "./back-off.js";
export type { BackOffOptions } from "./back-off.js";
export { cutOff } from "./connection.js";
export type { Connection, FaultRecord } from "./connection.js";
export { Counters } from "./counters.js";
export type { CounterName } from "./counters.js";
export {
  callRules,
  countElements,
  elementRules,
  maxElements,
  peerFrameRules,
  requireFew,
  requireWireType,
  updateAnswersRules,
  updateBatchRules,
} from "./elements.js";
export type { ElementRules } from "./elements.js";
export { checkHello, handshakeRefusal, helloFrom, readRefusal } from "./handshake.js";
export type { Greeting, HelloCheck, Refusal } from "./handshake.js";
export { keepAlive } from "./keep-alive.js";
export type { KeepAliveOptions } from "./keep-alive.js";
export { maxChangeBytes, requireChange } from "./membership-change.js";
export { Lanes } from "./lanes.js";
export type { LaneLimits, LaneName } from "./lanes.js";
export { LimitedLog } from "./limited-log.js";
export type { PeerLinkage } from "./linkage.js";
export { listen, ListenError } from "./listen.js";
export {
  clientTransportSettings,
  frameTargetBytes,
  helloFrameBytes,
  overheadBytes,
  replicaTransportSettings,
  requestFrameBytes,
  requireKeepAlive,
  requireWhole,
} from "./options.js";
export type {
  ClientTransportOptions,
  ClientTransportSettings,
  ReplicaTransportOptions,
  ReplicaTransportSettings,
} from "./options.js";
export { describeError, oneLine } from "./one-line.js";
export { oncePerTurn } from "./once-per-turn.js";
export { PeerAttempt } from "./peer-attempt.js";
export type { Connect, Ended } from "./peer-attempt.js";
export { PeerConnection } from "./peer-connection.js";
export { PeerConnections } from "./peer-connections.js";
export type { OpenConnection } from "./peer-connections.js";
export { PeerReceiver } from "./peer-receiver.js";
export type { Answer, ReceivedFrame } from "./peer-receiver.js";
export { PendingUpdates } from "./pending-updates.js";
export type { PendingUpdatesLimits } from "./pending-updates.js";
export { RefusalNotices } from "./refusal-notices.js";
export { StreamReplicaTransport } from "./replica-transport.js";
export type { Protocol } from "./replica-transport.js";
export {
  abortedError,
  closedError,
  invalidAddressError,
  noAnswerError,
  requireFits,
  requireQueryFits,
} from "./request-errors.js";
export {
  fromRequestFailure,
  internalErrorDetail,
  reasonForClient,
  toRequestFailure,
} from "./request-failure.js";
export { countedBytes, countedQueryBytes, maxUpdatesUnderWay, UpdateAllowance } from "./update-allowance.js";
export type { UpdateAllowanceLimits } from "./update-allowance.js";
export { UpdateStream } from "./update-stream.js";
export type { UpdateStreamLimits } from "./update-stream.js";
export { updateKey } from "./update-key.js";
export type { UpdateIdentity } from "./update-key.js";
