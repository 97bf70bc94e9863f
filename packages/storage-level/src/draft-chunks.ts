import { crc32 } from "node:zlib";
import { InvariantError, type ChunkData } from "@paxos/core";
import { MAX_CHUNK_BYTES } from "./reception.js";

/**
 * Gives the chunks of a draft with their checksums; an empty one when there is none. Throws what they throw. When `stop`
 * rejects, or the consumer stops, their iterator is told to return, but not waited for: it may hang.
 */
export async function* draftChunks(
  chunks: AsyncIterable<Uint8Array>,
  stop: Promise<never>,
): AsyncGenerator<ChunkData> {
  const iterator = chunks[Symbol.asyncIterator]();
  let checksum = 0;
  let count = 0;
  let over = false;
  try {
    for (;;) {
      const next = iterator.next();
      // Thrown by the iterator itself, an error ends it.
      const result = await Promise.race([next.catch(endedBy), stop]);
      if (result.done === true) break;
      const data = result.value;
      if (data.length > MAX_CHUNK_BYTES) {
        throw new InvariantError(`a chunk of ${data.length} bytes: at most ${MAX_CHUNK_BYTES} can be stored`);
      }
      checksum = crc32(data, checksum);
      yield { data, checksum };
      count++;
    }
    over = true;
    if (count === 0) yield { data: new Uint8Array(), checksum };
  } finally {
    if (!over) stopped(iterator).catch(() => undefined);
  }

  function endedBy(error: unknown): never {
    over = true;
    throw error;
  }
}

async function stopped(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  await iterator.return?.();
}
