// The hostfile: reading it, and finding one's own line in it.
export { MAX_PORT, parsePort } from "./address.js";
export { DEFAULT_PORT, loadHostfile, parseHostfile } from "./hostfile.js";
export type { HostfileMember, HostfileOptions } from "./hostfile.js";
export { findSelf, systemProbe } from "./self.js";
export type { HostProbe } from "./self.js";
