// What became of an update, for people.
import { type Client, SubmitError } from "@paxos/client";

import { MAX_UPDATE_BYTES } from "./lines.js";
import type { ServerNames } from "./server-names.js";

export type Outcome =
  | { readonly kind: "ordered"; readonly seq: number }
  | {
      /** Rejected: it certainly is not ordered and never will be. Unknown: it may have been, or may yet be. */
      readonly kind: "rejected" | "unknown";
      readonly text: string;
      /** Whether the cluster was not there, rather than this update at fault. */
      readonly outOfTime: boolean;
    }
  /** The program ends. */
  | { readonly kind: "interrupted"; readonly maybeOrdered: boolean };

/** Has an update ordered. Rejects only when the program itself is wrong. */
export async function submitOnce(
  client: Client,
  update: Uint8Array,
  servers: ServerNames,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const { seq } = await client.submit(update, { signal });
    return { kind: "ordered", seq };
  } catch (error) {
    if (!(error instanceof SubmitError)) throw error;
    const { outcome, code } = error;
    if (code === "cancelled") return { kind: "interrupted", maybeOrdered: outcome === "unknown" };
    const reason = servers.clarify(error.reason);
    return {
      kind: outcome,
      text: outcome === "rejected" ? `not ordered: ${reason}` : `may have been ordered: ${reason}`,
      outOfTime: code === "timed_out" || code === "unavailable" || code === "busy",
    };
  }
}

/** What is over the limit is not sent at all. */
export function tooLarge(size: string): Outcome & { kind: "rejected" } {
  return {
    kind: "rejected",
    text: `not ordered: it has ${size} bytes, and an update at most ${MAX_UPDATE_BYTES}`,
    outOfTime: false,
  };
}
