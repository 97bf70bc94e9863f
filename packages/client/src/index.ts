// What applications import to use a cluster.
export { connect } from "./client.js";
export type { BackupOptions, Client, LogOptions, SnapshotOptions, WaitOptions } from "./client.js";
export type { LeadershipTransfer, MembershipChangeInit } from "./leader-tasks.js";
export type { ConnectOptions } from "./options.js";
export type { ClientEnvironment } from "./environment.js";
export type { ReadAnswer, ReadOptions } from "./reading.js";
export type { ServerStatus } from "./servers.js";
export type { Ordered, SubmitOptions } from "./submission.js";
export { SubmitError } from "./submit-error.js";
export type { FailedOutcome, SubmitErrorCode } from "./submit-error.js";
