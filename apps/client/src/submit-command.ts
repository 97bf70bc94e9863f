// `paxos-client submit`: updates given as arguments, or one as the bytes of standard input.
import type { Readable } from "node:stream";

import type { Context } from "./context.js";
import type { SubmitFlags } from "./invocation.js";
import { MAX_UPDATE_BYTES } from "./lines.js";
import { tooLarge } from "./outcome.js";
import { type NextUpdate, UpdatesInOrder } from "./updates-in-order.js";

/** Has the updates ordered, one after another. Resolves with the exit status: 0 when all were ordered, else 1. */
export async function submitCommand(context: Context, flags: SubmitFlags): Promise<number> {
  const client = context.connect({ timeoutMs: flags.timeoutMs });
  const { stdin } = context.environment;
  const job = new UpdatesInOrder(context, client, {
    json: flags.json,
    inFlight: 1,
    unit: "updates",
    withText: false,
  });
  return job.run(() => (flags.updates.length === 0 ? wholeInput(stdin) : eachArgument(flags.updates)));
}

async function* eachArgument(updates: readonly string[]): AsyncGenerator<NextUpdate> {
  for (const [index, text] of updates.entries()) {
    const bytes = Buffer.from(text);
    const update = bytes.length > MAX_UPDATE_BYTES ? tooLarge(String(bytes.length)) : bytes;
    yield updates.length === 1 ? { update } : { label: `update ${index + 1}`, update };
  }
}

/** No more of it is kept than an update may have. */
async function* wholeInput(stdin: Readable): AsyncGenerator<NextUpdate> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stdin as AsyncIterable<Uint8Array>) {
    length += piece.length;
    if (length > MAX_UPDATE_BYTES) {
      yield { update: tooLarge(`more than ${MAX_UPDATE_BYTES}`) };
      return;
    }
    pieces.push(piece);
  }
  yield { update: Buffer.concat(pieces) };
}
