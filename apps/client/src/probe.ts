// Asks all servers what they do, for as long as somebody wants to wait.
import type { Client, ServerStatus } from "@paxos/client";

import type { Environment } from "./environment.js";

/** The longest that the client library waits for a server's status. */
export const PROBE_MS = 2_000;

/** What each server answered within so long, or until the program is to end. Never rejects. */
export async function probeAll(
  client: Client,
  environment: Environment,
  withinMs: number,
): Promise<ServerStatus[]> {
  const enough = new AbortController();
  const answered = new AbortController();
  const abort = (): void => {
    enough.abort();
    answered.abort();
  };
  const { signal } = environment.interrupt;
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  const tooLate = new DOMException("no answer in time", "TimeoutError");
  void environment.wait(withinMs, answered.signal).then(() => enough.abort(tooLate));
  try {
    return await client.status({ signal: enough.signal });
  } finally {
    signal.removeEventListener("abort", abort);
    answered.abort();
  }
}
