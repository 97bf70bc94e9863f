import { concatenate } from "./world/frames.js";

/** All pieces of a snapshot as one. */
export async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return concatenate(parts);
}
