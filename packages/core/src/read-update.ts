import { decodeClientUpdate, type ClientUpdateFields } from "@paxos/proto";

/** Decodes a ClientUpdate; undefined when the bytes are none. Whatever came from a peer is read by this. */
export function readUpdate(bytes: Uint8Array): ClientUpdateFields | undefined {
  try {
    return decodeClientUpdate(bytes);
  } catch {
    return undefined;
  }
}
