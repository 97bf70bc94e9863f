// `paxos-client read`: asks the replicated state machine, which changes nothing.
import { RequestError } from "@paxos/core";

import type { Context } from "./context.js";
import type { ReadFlags } from "./invocation.js";
import { refusalText, tellFailure } from "./leader-failure.js";
import { updateJson, updateText } from "./output.js";

/** Resolves with the exit status: 0 when it was answered, else 1. */
export async function readCommand(context: Context, flags: ReadFlags): Promise<number> {
  const { environment, output, servers } = context;
  const { timeoutMs, server, local, query, json } = flags;
  const client = context.connect({ timeoutMs });
  try {
    const { seq, result } = await client.read(Buffer.from(query), {
      consistency: local ? "local" : "linearizable",
      signal: environment.interrupt.signal,
      ...(server === undefined ? {} : { server: servers.withId(server).address }),
    });
    if (json) {
      const { update: text, updateBase64: base64 } = updateJson(result);
      await output.print(JSON.stringify({ seq, result: text, ...(base64 && { resultBase64: base64 }) }));
    } else await output.print(result.length === 0 ? String(seq) : `${seq}\t${updateText(result)}`);
    return 0;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (environment.interrupt.signal.aborted) return 1;
    await tellFailure(context, flags, refusalText(error));
    return 1;
  }
}
