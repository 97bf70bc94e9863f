// The flags as yargs wants them described.
import { DEFAULT_PORT } from "@paxos/hostfile";

import { TRANSPORT_NAMES } from "./environment.js";
import {
  clientsFlag,
  durationFlag,
  epochFlag,
  idFlag,
  inFlightFlag,
  MAX_CLIENTS,
  MAX_IN_FLIGHT,
  portFlag,
  seqFlag,
  sizeFlag,
  timeoutFlag,
  updatesFlag,
  watchFlag,
} from "./flag-values.js";

export const commonOptions = {
  hostfile: {
    alias: "h",
    string: true,
    requiresArg: true,
    default: "hostfile",
    describe: "the file that names the servers",
  },
  port: {
    alias: "p",
    string: true,
    requiresArg: true,
    default: String(DEFAULT_PORT),
    describe: "the port of servers for which the hostfile names none",
    coerce: portFlag,
  },
  transport: {
    choices: TRANSPORT_NAMES,
    requiresArg: true,
    default: TRANSPORT_NAMES[0],
    describe: "how to reach the servers: the same as theirs",
  },
  json: { boolean: true, default: false, describe: "print one JSON object a line" },
  verbose: { alias: "v", boolean: true, default: false, describe: "say on standard error what is tried" },
} as const;

const timeout = {
  string: true,
  requiresArg: true,
  default: "30",
  describe: "seconds for which an update is retried before it is given up; 0: for ever",
  coerce: timeoutFlag,
} as const;

export const linesOptions = {
  timeout,
  "in-flight": {
    string: true,
    requiresArg: true,
    default: "1",
    describe: `piped input: how many lines are sent at once, 1 to ${MAX_IN_FLIGHT}; above 1 the order among those is open`,
    coerce: inFlightFlag,
  },
  "no-history": {
    boolean: true,
    default: false,
    describe: "in a terminal: neither bring back lines of earlier runs nor keep those of this one",
  },
} as const;

export const submitOptions = {
  stdin: {
    boolean: true,
    default: false,
    describe: "read one update, all bytes of it, from standard input",
  },
  timeout,
} as const;

const server = {
  string: true,
  requiresArg: true,
  coerce: idFlag,
} as const;

export const logOptions = {
  from: {
    string: true,
    requiresArg: true,
    describe: "the first seq wanted; else the first that is held",
    coerce: seqFlag,
  },
  follow: {
    boolean: true,
    default: false,
    describe: "go on as updates are ordered, at another server when this one fails",
  },
  all: { boolean: true, default: false, describe: "also show updates that were ordered again by a retry" },
  server: { ...server, describe: "the id of the only server to ask; else one that answers" },
} as const;

export const readOptions = {
  local: {
    boolean: true,
    default: false,
    describe: "take what the server that answers has applied, which may be behind",
  },
  server: { ...server, describe: "the id of the only server to ask; else the leader, or one that answers" },
  timeout: { ...timeout, describe: "seconds for which an answer is sought; 0: for ever" },
} as const;

export const snapshotOptions = {
  server: { ...server, describe: "the id of the only server to ask; else all" },
} as const;

const patience = {
  string: true,
  requiresArg: true,
  default: "30",
  describe: "seconds for which a leader is looked for and waited for; 0: for ever",
  coerce: timeoutFlag,
} as const;

export const memberOptions = {
  force: {
    boolean: true,
    default: false,
    describe: "change although a quorum of the new voters is not up and level",
  },
  epoch: {
    string: true,
    requiresArg: true,
    describe: "change only if the cluster is in this epoch",
    coerce: epochFlag,
  },
  voters: { string: true, requiresArg: true, describe: "set: all voters" },
  learners: { string: true, requiresArg: true, describe: "set: all learners; else none" },
  timeout: patience,
} as const;

export const transferOptions = { timeout: patience } as const;

export const statusOptions = {
  watch: {
    string: true,
    describe: "ask again every so many seconds, 1 if none are given, until interrupted",
    coerce: watchFlag,
  },
  counters: {
    boolean: true,
    default: false,
    describe: "add what each server has counted: dropped, refused, ignored",
  },
} as const;

export const benchOptions = {
  updates: {
    string: true,
    requiresArg: true,
    describe: "how many updates to have ordered",
    coerce: updatesFlag,
  },
  duration: {
    string: true,
    requiresArg: true,
    describe: "for how many seconds to submit, 10 if --updates is not given either",
    coerce: durationFlag,
  },
  size: {
    string: true,
    requiresArg: true,
    default: "100",
    describe: "bytes of each update",
    coerce: sizeFlag,
  },
  "in-flight": {
    string: true,
    requiresArg: true,
    default: "64",
    describe: `updates that each client keeps under way, 1 to ${MAX_IN_FLIGHT}`,
    coerce: inFlightFlag,
  },
  clients: {
    string: true,
    requiresArg: true,
    default: "1",
    describe: `clients with connections of their own, 1 to ${MAX_CLIENTS}`,
    coerce: clientsFlag,
  },
  timeout,
} as const;
