// What tests of transports import, and tests of others that need a transport without a network.
export { MemoryClientTransport } from "./memory/client-transport.js";
export { MemoryNetwork } from "./memory/memory-network.js";
export { MemoryReplicaTransport } from "./memory/replica-transport.js";
export type { ClientTransportOptions, ReplicaTransportOptions } from "./options.js";
export { describeTransport } from "./suite/describe-transport.js";
export { TcpRelay, throwBytes } from "./suite/tcp-relay.js";
export { until } from "./suite/until.js";
export type {
  Garbage,
  RawCallee,
  RawCaller,
  Relay,
  ReplicaTransport,
  TransportAdapter,
} from "./suite/adapter.js";
