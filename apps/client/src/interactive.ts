// A person at a terminal: one line, one answer.
import { createInterface } from "node:readline";

import type { Context } from "./context.js";
import type { SubmitFlags } from "./flags.js";
import { MAX_UPDATE_BYTES } from "./lines.js";
import { updateJson } from "./output.js";
import type { Submitter } from "./submit.js";

/** Prompts until the input ends. Resolves with the exit status. */
export async function submitInteractively(
  context: Context,
  flags: SubmitFlags,
  submitter: Submitter,
): Promise<number> {
  const { stdin, stdout, stderr, interrupt } = context.environment;
  // The prompt is not a result: it keeps out of a redirected standard output.
  const output = stdout.isTTY === true && stderr.isTTY !== true ? stdout : stderr;
  const reader = createInterface({ input: stdin, output, prompt: "Enter an update: " });
  // At a terminal, readline takes the key for itself.
  reader.on("SIGINT", () => interrupt.abort("SIGINT"));
  // The input may end while lines that were typed ahead are still being sent; later Nodes do not prompt then.
  let ended = false;
  reader.once("close", () => (ended = true));
  const close = (): void => reader.close();
  interrupt.signal.addEventListener("abort", close);
  try {
    reader.prompt();
    for await (const line of reader) {
      if (line !== "") await submitLine(context, flags, submitter, Buffer.from(line));
      if (interrupt.signal.aborted) break;
      if (!ended) reader.prompt();
    }
  } finally {
    interrupt.signal.removeEventListener("abort", close);
    reader.close();
    output.write("\n");
  }
  return 0;
}

async function submitLine(
  { output }: Context,
  flags: SubmitFlags,
  submitter: Submitter,
  update: Buffer,
): Promise<void> {
  if (update.length > MAX_UPDATE_BYTES) {
    output.note(`not sent: it has ${update.length} bytes, and an update at most ${MAX_UPDATE_BYTES}`);
    return;
  }
  const outcome = await submitter.submit(update);
  switch (outcome.kind) {
    case "ordered":
      await output.print(
        flags.json ? JSON.stringify({ seq: outcome.seq, ...updateJson(update) }) : `seq ${outcome.seq}`,
      );
      return;
    case "refused":
      output.note(`not ordered: ${outcome.reason}`);
      return;
    case "timed out":
      output.note(
        `not ordered within ${flags.timeoutMs / 1000} s, but may still be; last tried: ${outcome.reason}`,
      );
      return;
    case "interrupted":
      output.note("interrupted: this update may still be ordered");
  }
}
