// The command line of the store: kv get, put, delete, list, watch.
import yargs from "yargs";
import { KvClient, KvError } from "./kv-client.js";

/** What shells expect: 0 done; 1 not there, or not what was expected; 2 wrong input; 3 no answer. */
const status = { done: 0, otherwise: 1, badInput: 2, failed: 3 } as const;

class UsageError extends Error {}

const print = (text: string): void => void process.stdout.write(text);
const otherwise = (why: string): void => {
  process.stderr.write(`kv: ${why}\n`);
  process.exitCode = status.otherwise;
};
const lines = (value: unknown): void => print(`${JSON.stringify(value)}\n`);

const key = { describe: "the key", type: "string", demandOption: true } as const;
const prefix = { describe: "only keys that begin so", type: "string", default: "" } as const;
const ifVersion = {
  describe: "only if the key has this version; 0: only if it does not exist",
  number: true,
  requiresArg: true,
} as const;

function clientOf({ servers }: { readonly servers: string }): KvClient {
  const urls = servers.split(",").map((server) => (server.includes("://") ? server : `http://${server}`));
  for (const url of urls) if (!URL.canParse(url)) throw new UsageError(`bad --servers: ${url} is no URL`);
  return new KvClient(urls.map((url) => url.replace(/\/+$/, "")));
}

const interrupt = new AbortController();

const program = yargs(process.argv.slice(2))
  .scriptName("kv")
  .option("servers", {
    alias: "s",
    string: true,
    requiresArg: true,
    default: "127.0.0.1:8080",
    describe: "where servers serve HTTP: host:port or URLs, by commas; the next one is asked when one fails",
  })
  .command(
    "get <key>",
    "print what a key holds",
    (y) => y.positional("key", key),
    async (args) => {
      const entry = await clientOf(args).get(args.key);
      if (entry === undefined) otherwise("there is no such key");
      else print(`${entry.value}\n`);
    },
  )
  .command(
    "put <key> <value>",
    "write a key, and print its version",
    (y) =>
      y
        .positional("key", key)
        .positional("value", { describe: "the value", type: "string", demandOption: true })
        .option("ttl", { number: true, requiresArg: true, describe: "seconds to live" })
        .option("if-version", ifVersion),
    async (args) => {
      const { ttl, ifVersion } = args;
      const options = { ...(ttl !== undefined && { ttl }), ...(ifVersion !== undefined && { ifVersion }) };
      const { kind, version } = await clientOf(args).put(args.key, args.value, options);
      if (kind === "done") print(`${version}\n`);
      else otherwise(version === 0 ? "there is no such key" : `the key has version ${version}`);
    },
  )
  .command(
    "delete <key>",
    "delete a key",
    (y) => y.positional("key", key).option("if-version", ifVersion),
    async (args) => {
      const { ifVersion } = args;
      const written = await clientOf(args).delete(args.key, ifVersion === undefined ? {} : { ifVersion });
      if (written === undefined) otherwise("there is no such key");
      else if (written.kind === "conflict") otherwise(`the key has version ${written.version}`);
    },
  )
  .command(
    "list [prefix]",
    "print entries, a line of JSON each",
    (y) => y.positional("prefix", prefix),
    async (args) => {
      for await (const entry of clientOf(args).list(args.prefix)) lines(entry);
    },
  )
  .command(
    "watch [prefix]",
    "print changes as they happen, a line of JSON each, until interrupted",
    (y) =>
      y.positional("prefix", prefix).option("after", {
        number: true,
        requiresArg: true,
        describe: "changes behind this seq (default: from now on)",
      }),
    async (args) => {
      const { prefix, after } = args;
      const options = { prefix, signal: interrupt.signal, ...(after !== undefined && { after }) };
      for await (const progress of clientOf(args).watch(options))
        if (progress.changes.length > 0) lines(progress);
    },
  )
  .demandCommand(1, "name a command")
  .strict()
  .version(false)
  .exitProcess(false)
  .fail((message, error) => {
    throw error ?? new UsageError(message);
  });

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupt.abort());
try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof Error ? error : new Error(String(error));
  const bad = !(known instanceof KvError) || known.code === "invalid" || known.code === "too_large";
  const hint = known instanceof KvError ? "" : "; --help lists the commands";
  process.stderr.write(`kv: ${known.message}${hint}\n`);
  process.exitCode = bad ? status.badInput : status.failed;
}
