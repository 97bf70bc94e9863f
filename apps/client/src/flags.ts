// The command line.
import { readFileSync } from "node:fs";

import { ConfigError } from "@paxos/core";
import yargs from "yargs";

import {
  benchOptions,
  commonOptions,
  linesOptions,
  logOptions,
  memberOptions,
  readOptions,
  snapshotOptions,
  statusOptions,
  submitOptions,
  transferOptions,
} from "./flag-options.js";
import type { CommonFlags, Invocation } from "./invocation.js";
import { MAX_UPDATE_BYTES } from "./lines.js";
import { MEMBER_USAGE, memberAction, nodeId } from "./member-arguments.js";

const DEFAULT_BENCH_MS = 10_000;

const DESCRIPTION = `$0 [command]

Sends updates to a cluster of paxos-server, which puts them into one order.

In a terminal it prompts for updates; an empty line is skipped. With piped input it sends each
line, an empty one too, in its order, prints the seqs in that order, and exits 0 when all were
ordered, 1 when some were not. A line is at most ${MAX_UPDATE_BYTES} bytes, its line end (LF or CRLF) not
counted.`;

const EPILOGUE =
  "Exit status: 0 done, 1 not all of it done, or refused, 2 bad input, 130 and 143 interrupted.";

const READ_DESCRIPTION = `$0 read [query]

Asks the state machine something, and prints the seq up to which the answer includes everything, then the
answer, if there is one. Everything that was ordered for anybody before is included, without --local.
Servers without --state-machine keep nothing and answer nothing: the seq is what there is to know.`;

const MEMBER_DESCRIPTION = `$0 member ACTION

Lists the members of the cluster, or changes them. A change is made once, by whoever leads. The cluster
refuses one that would make it stand still, unless it is forced; exits 1 then. One that gets no answer in
time may have been made: it says so, exits 1, and member list shows.

${Object.values(MEMBER_USAGE)
  .map((usage) => `  $0 ${usage}`)
  .join("\n")}`;

const TRANSFER_DESCRIPTION = `$0 transfer [ID]

Hands the leadership over to a voter, or to the one that is fittest.`;

/**
 * Reads the command line.
 *
 * @throws ConfigError when it is wrong.
 */
export function parseFlags(args: readonly string[]): Invocation {
  let invocation: Invocation | undefined;
  let text = "";
  let problem: Error | undefined;
  const parser = commonParser(args);
  const onAsked = (asked: Invocation): void => void (invocation = asked);
  describeSending(parser, onAsked);
  describeLooking(parser, onAsked);
  describeTending(parser, onAsked);
  describeMembership(parser, (asked) => {
    try {
      onAsked(asked());
    } catch (error) {
      problem = error as Error;
    }
  });
  // Handlers and checks are synchronous, so everything has been said when it returns.
  void parser.strictOptions().parse([...args], {}, (error, argv, output) => {
    const extra = extraArgument(argv, invocation);
    problem ??= error ?? (extra === undefined ? undefined : new Error(`Unknown argument: ${extra}`));
    text = output;
  });
  if (problem !== undefined)
    throw new ConfigError(`${problem.message.replace(/\s+/g, " ")}; see paxos-client --help`);
  return invocation ?? { command: "print", text };
}

function commonParser(args: readonly string[]) {
  return yargs([...args])
    .scriptName("paxos-client")
    .locale("en")
    .parserConfiguration({
      "boolean-negation": false,
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
    .options(commonOptions);
}

type Parser = ReturnType<typeof commonParser>;

/** The commands that have updates ordered. */
function describeSending(parser: Parser, onAsked: (invocation: Invocation) => void): void {
  parser
    .command(
      "$0",
      "send lines to be ordered (the default)",
      (command) => command.options(linesOptions),
      ({ timeout, "in-flight": inFlight, "no-history": noHistory, ...flags }) =>
        onAsked({
          command: "lines",
          flags: { ...common(flags), timeoutMs: timeout, inFlight, history: !noHistory },
        }),
    )
    .command(
      "submit",
      "have each argument ordered as an update, or standard input as one",
      (command) =>
        command
          .usage("$0 submit [update...]\n\nHas each argument ordered as an update, or standard input as one.")
          .options(submitOptions)
          .check(({ stdin, _: words }) => {
            if (!stdin || words.length === 1) return true;
            throw new Error("--stdin and updates as arguments exclude each other: give one");
          }),
      ({ timeout, _: [, ...updates], ...flags }) =>
        onAsked({
          command: "submit",
          flags: { ...common(flags), timeoutMs: timeout, updates: updates.map(String) },
        }),
    )
    .command(
      "bench",
      "measure how many updates are ordered, and how fast; they stay in the log",
      (command) => command.options(benchOptions).conflicts("updates", "duration"),
      ({ updates, duration = DEFAULT_BENCH_MS, size, clients, timeout, "in-flight": inFlight, ...flags }) => {
        const end = updates === undefined ? { durationMs: duration } : { updates };
        onAsked({
          command: "bench",
          flags: { ...common(flags), end, size, inFlight, clients, timeoutMs: timeout },
        });
      },
    );
}

/** The commands that change nothing. */
function describeLooking(parser: Parser, onAsked: (invocation: Invocation) => void): void {
  parser
    .command(
      "log",
      "print a server's ordered log",
      (command) => command.options(logOptions),
      ({ from, follow, all, server, ...flags }) =>
        onAsked({
          command: "log",
          flags: {
            ...common(flags),
            follow,
            all,
            ...(from === undefined ? {} : { from }),
            ...(server === undefined ? {} : { server }),
          },
        }),
    )
    .command(
      "read",
      "ask the state machine, and up to which seq its answer includes everything",
      (command) => command.usage(READ_DESCRIPTION).options(readOptions),
      ({ timeout, local, server, _: [, query], ...flags }) =>
        onAsked({
          command: "read",
          flags: {
            ...common(flags),
            timeoutMs: timeout,
            local,
            query: query === undefined ? "" : String(query),
            ...(server === undefined ? {} : { server }),
          },
        }),
    )
    .command(
      "status",
      "print what each server is doing, and what is wrong; exits 0 when nothing is",
      (command) => command.options(statusOptions),
      ({ watch, counters, ...flags }) =>
        onAsked({
          command: "status",
          flags: { ...common(flags), counters, ...(watch === undefined ? {} : { watchMs: watch }) },
        }),
    );
}

/** The commands that look after servers. */
function describeTending(parser: Parser, onAsked: (invocation: Invocation) => void): void {
  parser.command(
    "snapshot",
    "have servers take a snapshot of their state now, and drop what it makes superfluous of their logs",
    (command) => command.options(snapshotOptions),
    ({ server, ...flags }) =>
      onAsked({
        command: "snapshot",
        flags: { ...common(flags), ...(server === undefined ? {} : { server }) },
      }),
  );
}

/** The commands about who belongs to the cluster, and who leads it. What is asked for throws when its words are wrong. */
function describeMembership(parser: Parser, onAsked: (invocation: () => Invocation) => void): void {
  parser
    .command(
      "member",
      "list the members of the cluster, or change them",
      (command) => command.usage(MEMBER_DESCRIPTION).options(memberOptions),
      ({ timeout, force, epoch, voters, learners, _: words, ...flags }) =>
        onAsked(() => ({
          command: "member",
          flags: {
            ...common(flags),
            action: memberAction(words.slice(1).map(String), {
              voters,
              learners,
              port: flags.port,
              isChange: force || epoch !== undefined,
            }),
            force,
            ...(epoch === undefined ? {} : { epoch }),
            timeoutMs: timeout,
          },
        })),
    )
    .command(
      "transfer",
      "hand the leadership over to a voter, or to the one that is fittest",
      (command) => command.usage(TRANSFER_DESCRIPTION).options(transferOptions),
      ({ timeout, _: [, id], ...flags }) =>
        onAsked(() => ({
          command: "transfer",
          flags: {
            ...common(flags),
            ...(id === undefined ? {} : { to: nodeId(String(id)) }),
            timeoutMs: timeout,
          },
        })),
    );
}

function common({ port, hostfile, transport, json, verbose }: CommonFlags): CommonFlags {
  return { port, hostfile, transport, json, verbose };
}

/** What no command takes. */
function extraArgument(
  argv: { readonly _?: readonly (string | number)[] } | undefined,
  invocation: Invocation | undefined,
): string | number | undefined {
  const words = argv?._ ?? [];
  switch (invocation?.command) {
    case "submit":
    case "member":
    case "print":
    case undefined:
      return undefined;
    case "transfer":
    case "read":
      return words[2];
    case "lines":
      return words[0];
    case "log":
    case "snapshot":
    case "status":
    case "bench":
      return words[1];
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
