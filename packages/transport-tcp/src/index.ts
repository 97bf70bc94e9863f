// What a program needs to compose a replica or a client with this transport.
export { TcpReplicaTransport } from "./replica-transport.js";
export type { TcpReplicaTransportOptions } from "./replica-transport.js";
export { TcpClientTransport } from "./client-transport.js";
export type { TcpClientTransportOptions } from "./client-transport.js";
export { ListenError } from "@paxos/transport-kit";
export type { BackOffOptions, KeepAliveOptions, LaneLimits, LaneName } from "@paxos/transport-kit";
