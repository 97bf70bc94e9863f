// The default command: sends lines, typed or piped.
import type { Client } from "@paxos/client";

import type { Context } from "./context.js";
import type { LinesFlags } from "./invocation.js";
import { submitInteractively } from "./interactive.js";
import { readLines } from "./lines.js";
import { tooLarge } from "./outcome.js";
import { PROBE_MS } from "./probe.js";
import { UpdatesInOrder } from "./updates-in-order.js";

/** Asks all servers, sends lines meanwhile, and says which were reached. Resolves with the exit status. */
export async function linesCommand(context: Context, flags: LinesFlags): Promise<number> {
  const client = context.connect({ timeoutMs: flags.timeoutMs });
  const start = new Start(context, client);
  try {
    return context.environment.stdin.isTTY === true
      ? await submitInteractively(context, flags, client, start.announced)
      : await submitPiped(context, flags, client);
  } finally {
    await start.end();
  }
}

/** Sends the lines of standard input. Resolves with the exit status: 0 when all were ordered, else 1. */
async function submitPiped(context: Context, flags: LinesFlags, client: Client): Promise<number> {
  const { stdin } = context.environment;
  const job = new UpdatesInOrder(context, client, { ...flags, unit: "lines", withText: true });
  return job.run(async function* () {
    for await (const { number, length, bytes } of readLines(stdin))
      yield { label: `line ${number}`, update: bytes ?? tooLarge(String(length)) };
  });
}

/** Asks all servers at the start, beside the work. */
class Start {
  /** Resolves once it has been said which were reached. Never rejects. */
  readonly announced: Promise<void>;
  readonly #end = new AbortController();
  readonly #context: Context;

  constructor(context: Context, client: Client) {
    this.#context = context;
    context.news.hold();
    this.announced = this.#announce(client);
  }

  /** Nobody waits any longer for servers that are still silent. */
  end(): Promise<void> {
    this.#end.abort();
    return this.announced;
  }

  async #announce(client: Client): Promise<void> {
    const { environment, news } = this.#context;
    const statuses = await client.status({ signal: this.#end.signal });
    if (environment.interrupt.signal.aborted) news.release();
    else news.announce(statuses, PROBE_MS);
  }
}
