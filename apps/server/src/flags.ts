// The command line.
import { readFileSync } from "node:fs";

import { ConfigError } from "@paxos/core";
import { DEFAULT_PORT, MAX_PORT, parsePort } from "@paxos/hostfile";
import yargs from "yargs";

/** The transports that can be chosen. */
const TRANSPORT_NAMES = ["connect", "tcp"] as const;
export type TransportName = (typeof TRANSPORT_NAMES)[number];

export interface ServerFlags {
  readonly port: number;
  readonly hostfile: string;
  /** Absent: this host's line is looked for. */
  readonly id?: number;
  readonly verbose: boolean;
  readonly transport: TransportName;
  /** Absent: the default one, unless in memory. */
  readonly dataDir?: string;
  readonly inMemory: boolean;
  /** How long to wait for a first peer; 0 is for ever. */
  readonly connectTimeoutMs: number;
}

/** What the command line asks for. */
export type Invocation =
  | { readonly command: "serve"; readonly flags: ServerFlags }
  /** Help or version. */
  | { readonly command: "print"; readonly text: string };

const DESCRIPTION = `$0 [-i ID]

One member of a cluster that puts its clients' updates into one order.
The hostfile names the members, a host or host:port a line; a member's id is the index of its line,
from 0. All members need the same hostfile.`;

const EPILOGUE = "Exit status: 0 stopped by a signal, 1 failed, 2 bad input, 70 a fault of the program.";

/**
 * Reads the command line.
 *
 * @throws ConfigError when it is wrong.
 */
export function parseFlags(args: readonly string[]): Invocation {
  let invocation: Invocation | undefined;
  let text = "";
  let problem: Error | undefined;
  const parser = yargs([...args])
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
    .epilogue(EPILOGUE)
    .check((flags) => {
      if (flags["in-memory"] !== true || flags["data-dir"] === undefined) return true;
      throw new Error("--data-dir and --in-memory exclude each other: give one");
    })
    .command("$0", DESCRIPTION, options, (flags) => {
      invocation = { command: "serve", flags: serverFlags(flags) };
    })
    .usage(DESCRIPTION)
    .strict();
  // Handlers and checks are synchronous, so everything has been said when it returns.
  void parser.parse([...args], {}, (error, argv, output) => {
    const [extra] = (argv as { _?: (string | number)[] } | undefined)?._ ?? [];
    problem = error ?? (extra === undefined ? undefined : new Error(`Unknown argument: ${extra}`));
    text = output;
  });
  if (problem !== undefined)
    throw new ConfigError(`${problem.message.replace(/\s+/g, " ")}; see paxos-server --help`);
  return invocation ?? { command: "print", text };
}

const options = {
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
  id: {
    alias: "i",
    string: true,
    requiresArg: true,
    describe: "which member this is; else the one on this host",
    coerce: idFlag,
  },
  "data-dir": {
    string: true,
    requiresArg: true,
    describe: "where this member alone keeps its log; else a directory under the user's data directory",
    coerce: directoryFlag,
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
    coerce: secondsFlag,
  },
  transport: {
    choices: TRANSPORT_NAMES,
    requiresArg: true,
    default: TRANSPORT_NAMES[0],
    describe: "how peers and clients are reached; the same on all members, and for clients",
  },
  verbose: {
    alias: "v",
    boolean: true,
    default: false,
    describe: "log every message sent and received, and every timer that fires",
  },
} as const;

interface ParsedOptions {
  readonly hostfile: string;
  readonly port: number;
  readonly id: number | undefined;
  readonly "data-dir": string | undefined;
  readonly "in-memory": boolean;
  readonly "connect-timeout": number;
  readonly transport: TransportName;
  readonly verbose: boolean;
}

function serverFlags(parsed: ParsedOptions): ServerFlags {
  const { hostfile, port, id, transport, verbose } = parsed;
  const dataDir = parsed["data-dir"];
  const inMemory = parsed["in-memory"];
  return {
    hostfile,
    port,
    transport,
    verbose,
    inMemory,
    connectTimeoutMs: parsed["connect-timeout"],
    ...(id === undefined ? {} : { id }),
    ...(dataDir === undefined ? {} : { dataDir }),
  };
}

function portFlag(text: string): number {
  return parsePort(text) ?? refuse("port", text, `a number from 1 to ${MAX_PORT}`);
}

function idFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse("id", text, "a member's id, from 0 on");
}

function directoryFlag(text: string | undefined): string | undefined {
  return text === "" ? refuse("data-dir", text, "a directory") : text;
}

function secondsFlag(text: string): number {
  // The limit is that of timers: 24 days.
  return /^\d{1,6}(\.\d+)?$/.test(text)
    ? Number(text) * 1000
    : refuse("connect-timeout", text, "seconds, such as 15 or 0.5");
}

function refuse(flag: string, text: string, allowed: string): never {
  throw new Error(`bad --${flag} ${JSON.stringify(text)}: give ${allowed}`);
}

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
