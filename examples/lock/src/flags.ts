// The command line.
import { ConfigError } from "@paxos/core";
import yargs from "yargs";

export interface RunFlags {
  readonly name: string;
  readonly ttlMs: number;
  readonly wait: boolean;
  readonly command: readonly string[];
}

/** Which cluster, and what to do. */
export interface Invocation {
  /** host:port each; empty: those of the hostfile. */
  readonly servers: readonly string[];
  readonly hostfile: string;
  readonly transport: "connect" | "tcp";
  readonly action: RunFlags | { readonly prefix: string } | "reset-clock";
}

const USAGE = `Holds locks on paxos-servers that run the state machine of this package.

lock run NAME [--ttl 10s] [--no-wait] -- COMMAND [ARGS...]
    runs a command while the lock is held, with the lock's token in PAXOS_FENCING_TOKEN
lock status [PREFIX]
    prints who holds which locks
lock reset-clock
    sets the servers' time of day to this machine's, after some client's clock was ahead`;

const EPILOGUE =
  "Exit status of run: the command's own, 128 + N when signal N ended it; 75 when the lock was lost, or taken and " +
  "not to be waited for; 126 or 127 when the command cannot be run. Otherwise: 0 done, 1 failed, 2 bad input.";

const options = {
  servers: { string: true, requiresArg: true, describe: "servers, host:port, with commas between them" },
  hostfile: {
    alias: "h",
    string: true,
    requiresArg: true,
    default: "hostfile",
    describe: "or the file that names them",
  },
  transport: { choices: ["connect", "tcp"] as const, default: "connect" as const, describe: "the servers'" },
  ttl: {
    string: true,
    requiresArg: true,
    describe: "run: how long the lock outlives a holder that dies  [default: 10s]",
  },
  "no-wait": { boolean: true, describe: "run: end with status 75 when the lock is taken" },
} as const;

/** Text is to be printed instead. @throws ConfigError that says what is wrong. */
export function parseFlags(args: readonly string[]): Invocation | { readonly text: string } {
  let problem: Error | undefined;
  let text = "";
  const parsed = yargs([...args])
    .scriptName("lock")
    .locale("en")
    .parserConfiguration({
      "boolean-negation": false,
      "duplicate-arguments-array": false,
      "populate--": true,
      "parse-positional-numbers": false,
    })
    .usage(USAGE)
    .epilogue(EPILOGUE)
    .wrap(100)
    .options(options)
    .strictOptions()
    .version(false)
    .help()
    .parseSync([...args], {}, (error: Error | null | undefined, _argv: unknown, output: string) => {
      problem = error ?? undefined;
      text = output;
    });
  if (problem !== undefined) refuse(problem.message.replace(/\s+/g, " "));
  if (text !== "") return { text };
  const { servers, hostfile, transport, ttl, "no-wait": noWait, _: words } = parsed;
  const command = (parsed as { readonly "--"?: readonly string[] })["--"] ?? [];
  return {
    servers: servers === undefined ? [] : addresses(servers),
    hostfile,
    transport,
    action: action(words.map(String), command, ttl, noWait),
  };
}

function action(
  [verb, name, ...more]: readonly string[],
  command: readonly string[],
  ttl: string | undefined,
  noWait: boolean | undefined,
): Invocation["action"] {
  if (verb === "run" && name === undefined) refuse("run needs the name of a lock");
  if (verb === "run" && more.length > 0)
    refuse(`${more[0]} is one word too many: the command to run stands behind --`);
  if (verb === "run" && command.length === 0) refuse("run needs a command, behind --");
  if (verb === "run")
    return { name: name ?? "", ttlMs: milliseconds(ttl ?? "10s"), wait: noWait !== true, command };
  if (verb !== "status" && verb !== "reset-clock")
    refuse(
      `${verb === undefined ? "say what to do" : `there is no command ${verb}`}: run, status or reset-clock`,
    );
  const extra = verb === "status" ? more[0] : name;
  if (extra !== undefined || command.length > 0) refuse(`${extra ?? command[0]} is one word too many`);
  if (ttl !== undefined || noWait !== undefined) refuse("--ttl and --no-wait are flags of run");
  return verb === "status" ? { prefix: name ?? "" } : verb;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function milliseconds(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS[unit] ?? Number.NaN);
  return ms >= 1_000 && ms <= 24 * 3_600_000
    ? ms
    : refuse(`bad --ttl "${text}": give 1s to 24h, such as 1500ms, 10s or 2m`);
}

function addresses(text: string): string[] {
  const all = text.split(",");
  const bad = all.find((address) => !/^(\[[^\]\s]+\]|[^:\s]+):\d{1,5}$/.test(address));
  return bad === undefined ? all : refuse(`bad --servers: "${bad}" is no host:port, such as 127.0.0.1:2346`);
}

function refuse(what: string): never {
  throw new ConfigError(`${what}; see lock --help`);
}
