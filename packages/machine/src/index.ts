// Typed state machines: a definition, the state machine that it makes for a replica, and a client of it.
export { clientOf } from "./client.js";
export type { Answer, CommandCall, Connection, MachineClient, QueryCall } from "./client.js";
export { machineOf } from "./definition.js";
export type { Definition, MachineBuilder } from "./definition.js";
export type { Command, Context, Query } from "./parts.js";
export type { CreateOptions, TypedStateMachine } from "./typed-state-machine.js";
