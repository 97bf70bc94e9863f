// pnpm torture: the test on real processes, for as long as one likes, with its history in a file.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import yargs from "yargs";
import { saveHistory } from "./history.js";
import { torture } from "./torture.js";

const flags = yargs(process.argv.slice(2))
  .scriptName("torture")
  .options({
    seconds: { number: true, default: 30, describe: "how long clients use the store" },
    clients: { number: true, default: 16, describe: "how many do at the same time" },
    transport: {
      choices: ["connect", "tcp"] as const,
      default: "connect" as const,
      describe: "how servers reach each other",
    },
    replacements: { number: true, default: 20, describe: "how many servers are replaced at most" },
    consistency: {
      choices: ["linearizable", "local"] as const,
      default: "linearizable" as const,
      describe: "of reads; local ones show that the judgement can fail",
    },
    history: {
      string: true,
      requiresArg: true,
      describe: "where the history is written, a line of JSON for each call",
    },
  })
  .strict()
  .version(false)
  .parseSync();

const directory = await mkdtemp(join(tmpdir(), "kv-torture-"));
try {
  const { calls, faults, revisions, problem } = await torture({ ...flags, directory });
  if (flags.history !== undefined) await saveHistory(flags.history, calls);
  const unknown = calls.filter(({ end }) => end === Infinity).length;
  process.stdout.write(
    `${calls.length} calls, ${unknown} of them without an answer; ${faults.kills} servers killed, ${faults.pauses} paused, ` +
      `${faults.replacements} replaced\n${problem ?? `linearizable; three watchers were told all ${revisions} revisions`}\n`,
  );
  process.exitCode = problem === undefined ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
