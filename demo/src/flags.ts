// The command line.
import yargs from "yargs";

import { DemoError } from "./demo-error.js";

export interface DemoFlags {
  /** Play the script even in a terminal. */
  readonly script: boolean;
  /** Leave the files behind. */
  readonly keep: boolean;
}

/** The command line is wrong. */
export class UsageError extends DemoError {}

const DESCRIPTION = `pnpm demo

Starts three paxos-servers on this machine, in a temporary directory.

In a terminal: type lines, which become updates that all three order alike; kill servers with -9 and start them
again, and see what happens. Otherwise, a script does that and compares the logs.`;

const EPILOGUE =
  "Exit status: 0 all was as it must be, 1 it was not, or the demo could not go on, 2 bad input, 129, 130 and 143 " +
  "interrupted by a signal.";

/** Reads the command line: flags, or a text to print. Throws a {@link UsageError} when it is wrong. */
export function parseFlags(args: readonly string[]): DemoFlags | string {
  let problem: Error | undefined;
  let text = "";
  const parser = yargs([...args])
    .scriptName("pnpm demo")
    .locale("en")
    .parserConfiguration({ "camel-case-expansion": false, "duplicate-arguments-array": false })
    .usage(DESCRIPTION)
    .epilogue(EPILOGUE)
    .wrap(100)
    .help("help")
    .version(false)
    .options({
      script: { boolean: true, default: false, describe: "play the script, in a terminal too" },
      keep: { boolean: true, default: false, describe: "leave the directory behind, and say where it is" },
    })
    .strict();
  let flags: DemoFlags | undefined;
  // There is nothing asynchronous in it, so everything has been said when it returns.
  void parser.parse([...args], {}, (error, argv, output) => {
    const {
      _: extra,
      script,
      keep,
    } = argv as unknown as DemoFlags & { readonly _: readonly (string | number)[] };
    problem = error ?? (extra.length > 0 ? new Error(`Unknown argument: ${extra[0]}`) : undefined);
    text = output;
    flags = { script, keep };
  });
  if (problem !== undefined)
    throw new UsageError(`${problem.message.replace(/\s+/g, " ")}; see pnpm demo --help`);
  return text === "" && flags !== undefined ? flags : text;
}
