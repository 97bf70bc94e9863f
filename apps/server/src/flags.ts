// The command line.
import { readFileSync } from "node:fs";

import { ConfigError } from "@paxos/core";
import type { SnapshotPolicy } from "@paxos/replica";
import yargs from "yargs";

import {
  type DiskPolicy,
  type TransportName,
  backupOptions,
  inspectOptions,
  recoverOptions,
  restoreOptions,
  serveOptions,
} from "./flag-options.js";

/** Which cluster, and which of its members. */
export interface MemberFlags {
  readonly port: number;
  readonly hostfile: string;
  /** Absent: this host's line is looked for. */
  readonly id?: number;
}

export interface ServeFlags extends MemberFlags {
  readonly verbose: boolean;
  readonly transport: TransportName;
  /** Absent: the default one, unless in memory. */
  readonly dataDir?: string;
  readonly inMemory: boolean;
  /** How long to wait for a first peer; 0 is for ever. */
  readonly connectTimeoutMs: number;
  /** What is left out is as the library has it. */
  readonly snapshots: Partial<SnapshotPolicy>;
  readonly onStorageFailure: DiskPolicy;
  /** 0 is never. */
  readonly saveTimeoutMs: number;
  /** Whether leaders have leases. */
  readonly readLease: boolean;
  /** A member of the cluster to join, host:port. */
  readonly join?: string;
  /** The address to listen on instead of the member's own. */
  readonly listen?: string;
  /** The module of the state machine. Absent: updates are ordered, and that is all. */
  readonly stateMachine?: string;
  /** Whether the command line names a hostfile. */
  readonly hostfileGiven: boolean;
}

export interface InspectFlags {
  readonly dataDir: string;
  readonly json: boolean;
}

export interface RecoverFlags {
  readonly dataDir: string;
}

export interface BackupFlags extends MemberFlags {
  /** Instead of hostfile and id. */
  readonly server?: string;
  readonly output: string;
  readonly force: boolean;
  readonly transport: TransportName;
}

export interface RestoreFlags extends MemberFlags {
  readonly backup: string;
  /** Absent: the default one. */
  readonly dataDir?: string;
}

/** What the command line asks for. */
export type Invocation =
  | { readonly command: "serve"; readonly flags: ServeFlags }
  | { readonly command: "inspect"; readonly flags: InspectFlags }
  | { readonly command: "backup"; readonly flags: BackupFlags }
  | { readonly command: "restore"; readonly flags: RestoreFlags }
  | { readonly command: "recover"; readonly flags: RecoverFlags }
  /** Help or version. */
  | { readonly command: "print"; readonly text: string };

const DESCRIPTION = `$0 [-i ID]

One member of a cluster that puts its clients' updates into one order.
The hostfile names the members, a host or host:port a line; a member's id is the index of its line,
from 0. All members need the same hostfile, which is read when the cluster is founded; who belongs to it
later, the members know. A new one is added with paxos-client member add, and started with --join.`;

const EPILOGUE =
  "Exit status: 0 stopped by a signal, or done; 1 failed; 2 bad input; 70 a fault of the program.";

/**
 * Reads the command line.
 *
 * @throws ConfigError when it is wrong.
 */
export function parseFlags(args: readonly string[]): Invocation {
  let invocation: Invocation | undefined;
  let text = "";
  let problem: Error | undefined;
  const parser = newParser(args);
  describeCommands(parser, args, (asked) => void (invocation = asked));
  // Handlers and checks are synchronous, so everything has been said when it returns.
  void parser.strict().parse([...args], {}, (error, argv, output) => {
    const extra = extraArgument(argv, invocation);
    problem = error ?? (extra === undefined ? undefined : new Error(`Unknown argument: ${extra}`));
    text = output;
  });
  if (problem !== undefined)
    throw new ConfigError(`${problem.message.replace(/\s+/g, " ")}; see paxos-server --help`);
  return invocation ?? { command: "print", text };
}

function newParser(args: readonly string[]) {
  return yargs([...args])
    .scriptName("paxos-server")
    .locale("en")
    .parserConfiguration({
      "camel-case-expansion": false,
      "duplicate-arguments-array": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .wrap(100)
    .help("help")
    .version(packageVersion())
    .usage(DESCRIPTION)
    .epilogue(EPILOGUE);
}

function describeCommands(
  parser: ReturnType<typeof newParser>,
  args: readonly string[],
  onAsked: (invocation: Invocation) => void,
): void {
  parser
    .command(
      "$0",
      "run a member (the default)",
      (command) => command.options(serveOptions).check(requireServeSense),
      (flags) => onAsked({ command: "serve", flags: serveFlags(flags, namesHostfile(args)) }),
    )
    .command(
      "inspect",
      "verify all that a stopped member's data directory holds, and print what that is",
      (command) => command.usage(INSPECT).options(inspectOptions),
      ({ "data-dir": dataDir = "", json }) => onAsked({ command: "inspect", flags: { dataDir, json } }),
    )
    .command(
      "backup",
      "copy a running member's state into a file",
      (command) => command.usage(BACKUP).options(backupOptions).conflicts("server", "id"),
      ({ server, output = "", force, transport, ...flags }) => {
        const member = memberFlags(flags);
        const chosen = server === undefined ? {} : { server };
        onAsked({ command: "backup", flags: { ...member, ...chosen, output, force, transport } });
      },
    )
    .command(
      "restore",
      "make the data directory of a member of a new cluster that begins with a backup",
      (command) => command.usage(RESTORE).options(restoreOptions),
      ({ backup = "", "data-dir": dataDir, ...flags }) => {
        const chosen = dataDir === undefined ? {} : { dataDir };
        onAsked({ command: "restore", flags: { ...memberFlags(flags), backup, ...chosen } });
      },
    )
    .command(
      "recover",
      "make a new cluster out of one survivor, when a majority was lost for good",
      (command) => command.usage(RECOVER).options(recoverOptions).check(requireNewCluster),
      ({ "data-dir": dataDir = "" }) => onAsked({ command: "recover", flags: { dataDir } }),
    );
}

const INSPECT = `$0 inspect --data-dir DIR

Verifies all that the data directory of a stopped member holds, and prints what that is. Nothing is
changed. Exits 0 when all is well, 1 when there are problems, which are listed with what to do.`;

const BACKUP = `$0 backup [-i ID | --server HOST:PORT] --output FILE

Has a running member take a snapshot, and copies it into a file, from which paxos-server restore
begins a new cluster. The file is there when it is whole, or not at all.`;

const RESTORE = `$0 restore --backup FILE [-i ID]

Makes the data directory of a member of a new cluster that begins with a backup. The hostfile names
the members of the new cluster, each of which must be restored, from the same file. Members of the
old cluster, or of one that began with another backup, are no members of it and are refused.`;

const RECOVER = `$0 recover --data-dir DIR --new-cluster

When a majority of the members was lost for good: makes the one whose data directory this is a new
cluster of its own, with all that the directory holds. What other members alone knew is lost. Says what
that may be, and asks for a confirmation, before anything is changed. Members of the old cluster are
refused by the new one. If a majority may still come back, start that instead.`;

function requireNewCluster(flags: Readonly<Record<string, unknown>>): true {
  if (flags["new-cluster"] === true) return true;
  throw new Error(
    "--new-cluster is missing: recover gives up the old cluster, and what only its other members know",
  );
}

function requireServeSense(flags: Readonly<Record<string, unknown>>): true {
  if (flags["in-memory"] !== true) return true;
  if (flags["data-dir"] !== undefined)
    throw new Error("--data-dir and --in-memory exclude each other: give one");
  // What a new start finds in memory is nothing: a lost disk.
  if (flags["on-storage-failure"] === "wait")
    throw new Error("--in-memory and --on-storage-failure wait exclude each other: give one");
  return true;
}

interface ParsedMember {
  readonly hostfile: string;
  readonly port: number;
  readonly id: number | undefined;
}

interface ParsedServe extends ParsedMember {
  readonly "data-dir": string | undefined;
  readonly "in-memory": boolean;
  readonly "connect-timeout": number;
  readonly transport: TransportName;
  readonly "snapshot-every": number | undefined;
  readonly "snapshot-every-bytes": number | undefined;
  readonly "log-tail": number | undefined;
  readonly "log-tail-bytes": number | undefined;
  readonly "on-storage-failure": DiskPolicy;
  readonly "save-timeout": number;
  readonly "read-lease": boolean;
  readonly "state-machine": string | undefined;
  readonly join: string | undefined;
  readonly listen: string | undefined;
  readonly verbose: boolean;
}

function memberFlags({ hostfile, port, id }: ParsedMember): MemberFlags {
  return { hostfile, port, ...(id === undefined ? {} : { id }) };
}

/** Whether somebody has named one: the default may be there by chance, or not be. */
function namesHostfile(args: readonly string[]): boolean {
  return args.some((arg) => /^(--hostfile(=|$)|-[a-z]*h)/.test(arg));
}

function serveFlags(parsed: ParsedServe, hostfileGiven: boolean): ServeFlags {
  const dataDir = parsed["data-dir"];
  const { join, listen, "state-machine": stateMachine } = parsed;
  return {
    ...memberFlags(parsed),
    transport: parsed.transport,
    verbose: parsed.verbose,
    inMemory: parsed["in-memory"],
    connectTimeoutMs: parsed["connect-timeout"],
    snapshots: given({
      everyUpdates: parsed["snapshot-every"],
      everyBytes: parsed["snapshot-every-bytes"],
      tailUpdates: parsed["log-tail"],
      tailBytes: parsed["log-tail-bytes"],
    }),
    onStorageFailure: parsed["on-storage-failure"],
    saveTimeoutMs: parsed["save-timeout"],
    readLease: parsed["read-lease"],
    hostfileGiven,
    ...(stateMachine === undefined ? {} : { stateMachine }),
    ...(join === undefined ? {} : { join }),
    ...(listen === undefined ? {} : { listen }),
    ...(dataDir === undefined ? {} : { dataDir }),
  };
}

/** Without what was left out. */
function given(values: {
  readonly [Name in keyof SnapshotPolicy]?: number | undefined;
}): Partial<SnapshotPolicy> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** What no command takes: the first word is the command's own name, if one was given. */
function extraArgument(
  argv: { readonly _?: readonly (string | number)[] } | undefined,
  invocation: Invocation | undefined,
): string | number | undefined {
  const words = argv?._ ?? [];
  return invocation === undefined ? undefined : words[invocation.command === "serve" ? 0 : 1];
}

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
