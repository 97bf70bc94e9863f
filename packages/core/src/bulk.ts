import type { Message } from "@paxos/proto";

/** Whether a message is bulk, which must not displace or delay the others: pieces of the past for who is behind. */
export function isBulk({ type }: Message): boolean {
  return type.case === "catchUpAnswer" || type.case === "snapshotChunk";
}
