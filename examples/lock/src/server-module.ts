// What `paxos-server --state-machine` is given.
export { locks as stateMachine } from "./locks.js";
