// The server's command line.
import { ConfigError } from "@paxos/core";
import { parsePort } from "@paxos/hostfile";
import yargs from "yargs";

export interface ServerFlags {
  readonly hostfile: string;
  /** Absent: this host's line of the hostfile. */
  readonly id: number | undefined;
  readonly http: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly transport: "connect" | "tcp";
  /** A member of the cluster to join, instead of a hostfile. */
  readonly join: string | undefined;
}

const usage = `kv-server: a replicated key-value store over HTTP

Usage: kv-server [-h HOSTFILE] [-i ID] [--http HOST:PORT] [--data-dir DIR]`;

/** Text is to be printed instead. @throws ConfigError that says what is wrong. */
export function parseServerFlags(args: readonly string[]): ServerFlags | { readonly text: string } {
  let text: string | undefined;
  const parsed = yargs([...args])
    .usage(usage)
    .options({
      hostfile: {
        alias: "h",
        string: true,
        requiresArg: true,
        default: "hostfile",
        describe: "the file that names the servers, one host:port a line",
      },
      id: {
        alias: "i",
        string: true,
        requiresArg: true,
        describe: "which line of the hostfile this is, from 0 (default: this host's)",
      },
      http: {
        string: true,
        requiresArg: true,
        default: "127.0.0.1:8080",
        describe: "where HTTP is served; port 0: any that is free",
      },
      "data-dir": {
        string: true,
        requiresArg: true,
        default: "kv-data",
        describe: "the directory of this server's data",
      },
      transport: {
        choices: ["connect", "tcp"] as const,
        default: "connect" as const,
        describe: "how servers reach each other",
      },
      join: {
        string: true,
        requiresArg: true,
        describe: "a server of the cluster to join, host:port; needs --id",
      },
    })
    .strict()
    .version(false)
    .help()
    .exitProcess(false)
    .fail((message, error) => {
      throw new ConfigError(`${error?.message ?? message}; --help lists the flags`);
    });
  const flags = parsed.parseSync(args as string[], {}, (_error: unknown, _argv: unknown, output: string) => {
    if (output !== "") text = output;
  });
  if (text !== undefined) return { text };
  if (flags._.length > 0) throw new ConfigError(`${String(flags._[0])} is no flag; --help lists the flags`);
  const { hostfile, transport, join, dataDir } = flags;
  if (join !== undefined && flags.id === undefined)
    throw new ConfigError("--join needs --id: the id that the server was added under");
  return { hostfile, transport, join, dataDir, id: idOf(flags.id), http: addressOf(flags.http) };
}

function idOf(text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new ConfigError(`bad --id ${JSON.stringify(text)}: give a server's id, from 0 on`);
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const [, host = "", digits = ""] = /^(\[[^\]\s]+\]|[^:\s]+):(\d+)$/.exec(text) ?? [];
  const port = digits === "0" ? 0 : parsePort(digits);
  if (host !== "" && port !== undefined) return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
  throw new ConfigError(`bad --http ${JSON.stringify(text)}: give host:port, such as 127.0.0.1:8080`);
}
