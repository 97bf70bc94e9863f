// The hostfile: parsing, finding one's own line, and what a cluster begins with.
export { MAX_PORT, parsePort } from "./address.js";
export { clusterIdOf, epochRecordOf } from "./epoch-record.js";
export { DEFAULT_PORT, loadHostfile, parseHostfile } from "./hostfile.js";
export type { HostfileMember, HostfileOptions } from "./hostfile.js";
export { findSelf, systemProbe } from "./self.js";
export type { HostProbe } from "./self.js";
