// The command line.
import { readFileSync } from "node:fs";

import { ConfigError } from "@paxos/core";
import { DEFAULT_PORT, MAX_PORT, parsePort } from "@paxos/hostfile";
import yargs from "yargs";

import { TRANSPORT_NAMES, type TransportName } from "./environment.js";
import { MAX_UPDATE_BYTES } from "./lines.js";

/** The most lines that may be sent at once. */
const MAX_IN_FLIGHT = 256;

/** Flags of every command. */
export interface CommonFlags {
  readonly port: number;
  readonly hostfile: string;
  readonly transport: TransportName;
  readonly json: boolean;
  readonly verbose: boolean;
}

export interface SubmitFlags extends CommonFlags {
  /** How long a line is retried; 0 is for ever. */
  readonly timeoutMs: number;
  readonly inFlight: number;
}

export interface LogFlags extends CommonFlags {
  readonly from: bigint;
  readonly follow: boolean;
  readonly all: boolean;
  readonly server?: number;
}

/** What the command line asks for. */
export type Invocation =
  | { readonly command: "submit"; readonly flags: SubmitFlags }
  | { readonly command: "log"; readonly flags: LogFlags }
  | { readonly command: "status"; readonly flags: CommonFlags }
  /** Help or version. */
  | { readonly command: "print"; readonly text: string };

const DESCRIPTION = `$0 [command]

Sends lines to a cluster of paxos-server, which puts them into one order.

In a terminal it prompts for updates; an empty line is skipped. With piped input it sends each line, an empty one
too, in its order, prints the seqs in that order, and exits 0 when all were ordered, 1 when some were not. A
line is at most ${MAX_UPDATE_BYTES} bytes, its line end (LF or CRLF) not counted.`;

const EPILOGUE = "Exit status: 0 done, 1 not all of it done, 2 bad input, 130 and 143 interrupted.";

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
    .scriptName("paxos-client")
    .locale("en")
    .parserConfiguration({
      "camel-case-expansion": false,
      "duplicate-arguments-array": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .usage(DESCRIPTION)
    .epilogue(EPILOGUE)
    .wrap(100)
    .help("help")
    .version(packageVersion())
    .options(commonOptions)
    .command(
      "$0",
      "send lines to be ordered (the default)",
      (command) => command.options(submitOptions),
      (flags) => {
        invocation = {
          command: "submit",
          flags: { ...common(flags), timeoutMs: flags.timeout, inFlight: flags["in-flight"] },
        };
      },
    )
    .command(
      "log",
      "print a server's ordered log",
      (command) => command.options(logOptions),
      ({ from, follow, all, server, ...flags }) => {
        invocation = {
          command: "log",
          flags: { ...common(flags), from, follow, all, ...(server === undefined ? {} : { server }) },
        };
      },
    )
    .command(
      "status",
      "print what each server is doing",
      (command) => command,
      (flags) => {
        invocation = { command: "status", flags: common(flags) };
      },
    )
    .strict();
  // Handlers and checks are synchronous, so everything has been said when it returns.
  void parser.parse([...args], {}, (error, argv, output) => {
    problem = error ?? (extra(argv) ? new Error(`Unknown argument: ${extra(argv)}`) : undefined);
    text = output;
  });
  if (problem !== undefined)
    throw new ConfigError(`${problem.message.replace(/\s+/g, " ")}; see paxos-client --help`);
  return invocation ?? { command: "print", text };
}

const commonOptions = {
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
    describe: "how to reach the servers",
  },
  json: { boolean: true, default: false, describe: "print one JSON object a line" },
  verbose: { alias: "v", boolean: true, default: false, describe: "say on standard error what is tried" },
} as const;

const submitOptions = {
  timeout: {
    string: true,
    requiresArg: true,
    default: "30",
    describe: "seconds for which a line is retried before it counts as not ordered; 0: for ever",
    coerce: secondsFlag,
  },
  "in-flight": {
    string: true,
    requiresArg: true,
    default: "1",
    describe: `piped input: how many lines are sent at once, 1 to ${MAX_IN_FLIGHT}; above 1 the order among those is open`,
    coerce: inFlightFlag,
  },
} as const;

const logOptions = {
  from: { string: true, requiresArg: true, default: "1", describe: "the first seq wanted", coerce: seqFlag },
  follow: { boolean: true, default: false, describe: "go on as updates are ordered" },
  all: { boolean: true, default: false, describe: "also show updates that were ordered again by a retry" },
  server: {
    string: true,
    requiresArg: true,
    describe: "the id of the server to ask; else the first one reached",
    coerce: idFlag,
  },
} as const;

function common({ port, hostfile, transport, json, verbose }: CommonFlags): CommonFlags {
  return { port, hostfile, transport, json, verbose };
}

/** What is left over after `--`, which no command takes. */
function extra(argv: { readonly _?: readonly (string | number)[] } | undefined): string | number | undefined {
  const [first, second] = argv?._ ?? [];
  return first === "log" || first === "status" ? second : first;
}

function portFlag(text: string): number {
  return parsePort(text) ?? refuse("port", text, `a number from 1 to ${MAX_PORT}`);
}

function secondsFlag(text: string): number {
  return /^\d{1,9}(\.\d+)?$/.test(text)
    ? Number(text) * 1000
    : refuse("timeout", text, "seconds, such as 30 or 0.5");
}

function inFlightFlag(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MAX_IN_FLIGHT
    ? count
    : refuse("in-flight", text, `a number from 1 to ${MAX_IN_FLIGHT}`);
}

function seqFlag(text: string): bigint {
  return /^[1-9]\d{0,15}$/.test(text) ? BigInt(text) : refuse("from", text, "a seq, from 1 on");
}

function idFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse("server", text, "a server's id, from 0 on");
}

function refuse(flag: string, text: string, allowed: string): never {
  throw new Error(`bad --${flag} ${JSON.stringify(text)}: give ${allowed}`);
}

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
