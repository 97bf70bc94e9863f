// A person at a terminal: one line, one answer.
import type { Client } from "@paxos/client";

import type { Context } from "./context.js";
import type { LinesFlags } from "./invocation.js";
import { History } from "./history.js";
import { MAX_UPDATE_BYTES } from "./lines.js";
import { type Outcome, submitOnce, tooLarge } from "./outcome.js";
import { updateJson } from "./output.js";
import { Prompt } from "./prompt.js";

/** How long the first prompt waits for the news which servers were reached, so as to stand below it. */
const NEWS_FIRST_MS = 100;

/** Prompts until the input ends. Resolves with the exit status. */
export async function submitInteractively(
  context: Context,
  flags: LinesFlags,
  client: Client,
  announced: Promise<void>,
): Promise<number> {
  const { output, environment } = context;
  const { stdin, stdout, stderr, interrupt } = environment;
  // The prompt is not a result: it keeps out of a redirected standard output.
  const screen = stdout.isTTY === true && stderr.isTTY !== true ? stdout : stderr;
  const history = openHistory(context, flags);
  const prompt = new Prompt({
    input: stdin,
    output: screen,
    text: "Enter an update: ",
    history: history?.load() ?? [],
    onInterrupt: () => interrupt.abort("SIGINT"),
  });
  const close = (): void => prompt.close();
  interrupt.signal.addEventListener("abort", close);
  try {
    const lines = prompt.lines();
    await Promise.race([announced, environment.wait(NEWS_FIRST_MS, interrupt.signal)]);
    output.keepAbove((write) => prompt.above(write));
    prompt.show();
    for await (const line of lines) {
      if (line !== "") {
        if (screen.isTTY === true) history?.add(line);
        await submitLine(context, flags, client, Buffer.from(line));
      }
      if (interrupt.signal.aborted) break;
      prompt.show();
    }
  } finally {
    interrupt.signal.removeEventListener("abort", close);
    output.keepAbove(undefined);
    prompt.close();
    screen.write("\n");
  }
  return 0;
}

function openHistory({ environment, output }: Context, flags: LinesFlags): History | undefined {
  if (!flags.history) return undefined;
  return new History(environment.historyFile, (reason) =>
    output.note(`the lines that you type are not kept: ${reason}; --no-history to do without`),
  );
}

async function submitLine(
  { output, servers, environment }: Context,
  flags: LinesFlags,
  client: Client,
  update: Buffer,
): Promise<void> {
  const outcome: Outcome =
    update.length > MAX_UPDATE_BYTES
      ? tooLarge(String(update.length))
      : await submitOnce(client, update, servers, environment.interrupt.signal);
  switch (outcome.kind) {
    case "ordered":
      return output.print(
        flags.json ? JSON.stringify({ seq: outcome.seq, ...updateJson(update) }) : `seq ${outcome.seq}`,
      );
    case "rejected":
    case "unknown":
      return output.note(outcome.text);
    case "interrupted":
      return output.note(
        outcome.maybeOrdered
          ? "interrupted: this update may still be ordered"
          : "interrupted: this update was not sent",
      );
  }
}
