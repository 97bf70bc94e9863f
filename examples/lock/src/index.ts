// What programs import.
export { FencedRegister, StaleTokenError } from "./fenced-register.js";
export type { ClientClock } from "./clock.js";
export { LockError, type Lock } from "./lock.js";
export {
  lockClient,
  type AcquireOptions,
  type Leader,
  type LockClient,
  type LockClientOptions,
} from "./lock-client.js";
export { locks } from "./locks.js";
