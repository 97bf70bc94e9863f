// What users of the core import. Adapters of the ports need nothing else either.
export { ConfigError, InvariantError, RequestError } from "./errors.js";
export type { RequestErrorCode } from "./errors.js";
export { silentLogger } from "./logger.js";
export type { Logger } from "./logger.js";
export type {
  AdmissionRefusal,
  AdmissionRefusalReason,
  ClientHandler,
  ClientListener,
  ClientTransport,
  Clock,
  Identity,
  PeerAddress,
  Save,
  StateMachine,
  Storage,
  StoredState,
  StoredUpdates,
  Transport,
  TransportContext,
} from "./ports.js";
