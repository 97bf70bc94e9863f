import type { ClientHandler } from "@paxos/core";
import type { Call, Reply } from "@paxos/proto";
import { requireChange, requireQueryFits } from "@paxos/transport-kit";

/** What begins a call that is answered by one reply. */
export type Question = Extract<
  Call["type"],
  { case: "status" | "takeSnapshot" | "members" | "changeMembership" | "transferLeadership" | "query" }
>;

/** Asks the handler. Rejects as it does, and with a RequestError when what is asked makes no sense. */
export async function ask(
  handler: Pick<ClientHandler, Question["case"]>,
  question: Question,
  { signal, maxRequestBytes }: { readonly signal: AbortSignal; readonly maxRequestBytes: number },
): Promise<Reply["type"]> {
  switch (question.case) {
    case "status":
      return { case: "status", value: await handler.status() };
    case "takeSnapshot":
      return { case: "takeSnapshot", value: await handler.takeSnapshot(signal) };
    case "members":
      return { case: "members", value: await handler.members() };
    case "changeMembership": {
      const change = requireChange(question.value.change);
      return { case: "changeMembership", value: await handler.changeMembership(change, signal) };
    }
    case "query":
      requireQueryFits(question.value, maxRequestBytes);
      return { case: "query", value: await handler.query(question.value, signal) };
    case "transferLeadership": {
      const { nodeId } = question.value;
      return { case: "transferLeadership", value: await handler.transferLeadership(nodeId, signal) };
    }
  }
}
