// Why the leader has not done what it was asked for, for people and for programs.
import type { RequestError } from "@paxos/core";

import type { Context } from "./context.js";
import { printable } from "./output.js";

/** What has become of it. Of what may have been done all the same the library's own words say so. */
export function refusalText({ code, message }: RequestError): string {
  return code === "refused" || code === "invalid" ? `refused: ${message}` : message;
}

/** Says it where the result would be for programs, and on standard error for people. */
export async function tellFailure(
  { output, servers }: Context,
  { json }: { readonly json: boolean },
  text: string,
): Promise<void> {
  const error = printable(servers.clarify(text));
  if (json) await output.print(JSON.stringify({ error }));
  else output.note(error);
}
