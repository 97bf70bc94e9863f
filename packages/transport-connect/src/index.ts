// What a program needs to compose a replica or a client with this transport.
export { ConnectReplicaTransport } from "./replica-transport.js";
export type { ConnectReplicaTransportOptions } from "./options.js";
export { ConnectClientTransport } from "./client-transport.js";
export type { ConnectClientTransportOptions } from "./client-transport.js";
export { ListenError } from "./listen.js";
export type { BackOffOptions } from "./back-off.js";
export type { KeepAliveOptions } from "./keep-alive.js";
export type { LaneLimits, LaneName } from "./lanes.js";
