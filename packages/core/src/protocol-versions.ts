// Which versions of the protocol between peers are spoken, and which one two nodes speak with each other.
import type { Hello } from "@paxos/proto";
import type { AdmissionRefusal, Identity } from "./ports.js";

/**
 * The versions of the protocol between peers that this library speaks. Two nodes speak the newest that both know; without one in
 * common they refuse each other. 2: nodes say which version of commands they know.
 */
export const protocolVersions = { oldest: 1, newest: 2 } as const;

/** The newest version that the sender of a Hello and this node both speak, or why there is none. Every transport asks for it first. */
export function agreeOnVersion(
  { nodeId, protocolVersion: theirOldest, newestVersion }: Hello,
  { protocolVersion: newest }: Identity,
): { readonly version: number } | { readonly refusal: AdmissionRefusal } {
  const { oldest } = protocolVersions;
  // Who says nothing of it speaks one version only.
  const theirNewest = Math.max(theirOldest, newestVersion);
  if (theirNewest >= oldest && theirOldest <= newest) return { version: Math.min(theirNewest, newest) };
  const detail =
    `node ${nodeId} speaks ${range(theirOldest, theirNewest)} of the protocol between peers, this node ` +
    `${range(oldest, newest)}; run releases that have one in common`;
  return { refusal: { reason: "protocol_version", detail } };
}

function range(oldest: number, newest: number): string {
  return oldest === newest ? `version ${oldest}` : `versions ${oldest} to ${newest}`;
}
