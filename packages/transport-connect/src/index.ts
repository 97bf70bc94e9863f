// What a program needs to compose a replica or a client with this transport.
export { ConnectReplicaTransport } from "./replica-transport.js";
export type { ConnectReplicaTransportOptions } from "./replica-transport.js";
export { ConnectClientTransport } from "./client-transport.js";
export type { ConnectClientTransportOptions } from "./client-transport.js";
export { ListenError } from "@paxos/transport-kit";
export type { BackOffOptions, KeepAliveOptions, LaneLimits, LaneName } from "@paxos/transport-kit";
