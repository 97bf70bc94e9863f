// `paxos-client transfer`: hands the leadership over.
import { RequestError } from "@paxos/core";

import type { Context } from "./context.js";
import { deadlineOf } from "./deadline.js";
import type { TransferFlags } from "./invocation.js";
import { refusalText, tellFailure } from "./leader-failure.js";

/** Resolves with the exit status: 0 when the one that is to lead does, else 1. */
export async function transferCommand(context: Context, flags: TransferFlags): Promise<number> {
  const client = context.connect();
  const { signal, end } = deadlineOf(context.environment, flags.timeoutMs);
  try {
    const to = flags.to === undefined ? undefined : BigInt(flags.to);
    const transfer = await client.transferLeadership(to, { signal });
    const { from: before, to: now } = transfer;
    const text = before === now ? `node ${now} leads already` : `node ${before} -> node ${now}`;
    await context.output.print(
      flags.json ? JSON.stringify({ from: Number(before), to: Number(now) }) : `leadership: ${text}`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    await tellFailure(context, flags, refusalText(error));
    return 1;
  } finally {
    end();
  }
}
