import { frameTargetBytes, helloFrameBytes, overheadBytes } from "@paxos/transport-kit";

/** The largest frame of a handshake, and of all that a called peer says, in bytes. */
export const shortFrameBytes = helloFrameBytes;

/** The largest frame of a peer once the handshake is done, in bytes. */
export function messageFrameBytes(maxMessageBytes: number): number {
  return Math.max(maxMessageBytes, 2 * frameTargetBytes) + overheadBytes;
}

/** The largest frame that a server may say: one answer holds one result, however large. In bytes. */
export const answerFrameBytes = 1024 * 1024 * 1024;

/** Pieces of one stream, a log or a backup, that may be on their way to a client, and not yet reported as taken. */
export const streamCredit = 4;
