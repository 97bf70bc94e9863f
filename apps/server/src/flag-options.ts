// The flags as yargs wants them described.
import { DEFAULT_PORT } from "@paxos/hostfile";

import {
  addressFlag,
  idFlag,
  pathFlag,
  portFlag,
  secondsFlag,
  sizeFlag,
  updatesFlag,
} from "./flag-values.js";

/** The transports that can be chosen. */
const TRANSPORT_NAMES = ["connect", "tcp"] as const;
export type TransportName = (typeof TRANSPORT_NAMES)[number];

/** What to do when the disk fails. */
const DISK_POLICIES = ["exit", "wait"] as const;
export type DiskPolicy = (typeof DISK_POLICIES)[number];

const clusterOptions = {
  hostfile: {
    alias: "h",
    string: true,
    requiresArg: true,
    default: "hostfile",
    describe: "the file that names the members",
  },
  port: {
    alias: "p",
    string: true,
    requiresArg: true,
    default: String(DEFAULT_PORT),
    describe: "the port of members for which the hostfile names none",
    coerce: portFlag,
  },
} as const;

const id = { alias: "i", string: true, requiresArg: true, coerce: idFlag } as const;

const path = { string: true, requiresArg: true } as const;

const directory = pathFlag("data-dir", "a directory");

const transport = { choices: TRANSPORT_NAMES, requiresArg: true, default: TRANSPORT_NAMES[0] } as const;

// What is left out here is the library's own default: SnapshotPolicy of @paxos/replica.
const snapshotOptions = {
  "snapshot-every": {
    string: true,
    requiresArg: true,
    describe: "updates after which a snapshot is taken  [default: 100000]",
    coerce: updatesFlag("snapshot-every", 1),
  },
  "snapshot-every-bytes": {
    string: true,
    requiresArg: true,
    describe: "or bytes of updates, whichever comes first  [default: 64MiB]",
    coerce: sizeFlag("snapshot-every-bytes", 1),
  },
  "log-tail": {
    string: true,
    requiresArg: true,
    describe: "updates that stay in the log behind a snapshot  [default: 100000]",
    coerce: updatesFlag("log-tail", 0),
  },
  "log-tail-bytes": {
    string: true,
    requiresArg: true,
    describe: "as long as they take no more than this  [default: 64MiB]",
    coerce: sizeFlag("log-tail-bytes", 0),
  },
} as const;

export const serveOptions = {
  ...clusterOptions,
  id: { ...id, describe: "which member this is; else the one on this host" },
  join: {
    string: true,
    requiresArg: true,
    describe: "host:port of any member: run a member that was added to a running cluster",
    coerce: addressFlag("join"),
  },
  listen: {
    string: true,
    requiresArg: true,
    describe: "host:port to listen on, where that is not the member's own address",
    coerce: addressFlag("listen"),
  },
  "data-dir": {
    ...path,
    describe: "where this member alone keeps its data; else a directory under the user's data directory",
    coerce: directory,
  },
  "state-machine": {
    ...path,
    describe: "a JavaScript module that makes the state machine to run; the same on all members",
    coerce: pathFlag("state-machine", "a JavaScript module"),
  },
  "in-memory": {
    boolean: true,
    default: false,
    describe:
      "keep nothing on disk: the log dies with the process, and the member is refused when it comes back",
  },
  "connect-timeout": {
    string: true,
    requiresArg: true,
    default: "15",
    describe: "seconds to wait for a first peer; 0: for ever",
    coerce: secondsFlag("connect-timeout", 15),
  },
  transport: {
    ...transport,
    describe: "how peers and clients are reached; the same on all members, and for clients",
  },
  ...snapshotOptions,
  "on-storage-failure": {
    choices: DISK_POLICIES,
    requiresArg: true,
    default: DISK_POLICIES[0],
    describe: "when the disk fails: end with status 1, or wait and start anew once it works",
  },
  "save-timeout": {
    string: true,
    requiresArg: true,
    default: "30",
    describe: "seconds after which a save that has not ended counts as failed; 0: never",
    coerce: secondsFlag("save-timeout", 30),
  },
  "read-lease": {
    boolean: true,
    default: false,
    describe: "the leader serves reads without asking, which relies on clocks; on all members, or none",
  },
  verbose: {
    alias: "v",
    boolean: true,
    default: false,
    describe: "log every message sent and received, and every timer that fires",
  },
} as const;

export const inspectOptions = {
  "data-dir": { ...path, demandOption: true, describe: "the directory to look at", coerce: directory },
  json: { boolean: true, default: false, describe: "print one JSON object" },
} as const;

export const recoverOptions = {
  "data-dir": {
    ...path,
    demandOption: true,
    describe: "the data directory of the survivor, which must be stopped",
    coerce: directory,
  },
  "new-cluster": {
    boolean: true,
    default: false,
    describe: "needed: say that the old cluster is given up for good",
  },
} as const;

export const backupOptions = {
  ...clusterOptions,
  id: { ...id, describe: "the member whose state is copied; else the first that answers" },
  server: {
    string: true,
    requiresArg: true,
    describe: "its address, host:port, instead of hostfile and id",
    coerce: addressFlag("server"),
  },
  output: {
    ...path,
    alias: "o",
    demandOption: true,
    describe: "the file to write; - is standard output",
    coerce: pathFlag("output", "a file, or - for standard output"),
  },
  force: { boolean: true, default: false, describe: "replace the file if there is one" },
  transport: { ...transport, describe: "how the member is reached: the same as its own" },
} as const;

export const restoreOptions = {
  ...clusterOptions,
  backup: {
    ...path,
    demandOption: true,
    describe: "the file that paxos-server backup has written",
    coerce: pathFlag("backup", "a file"),
  },
  id: { ...id, describe: "which member of the new cluster this is; else the one on this host" },
  "data-dir": {
    ...path,
    describe: "the directory to make, new or empty; else the one that a plain start uses",
    coerce: directory,
  },
} as const;
