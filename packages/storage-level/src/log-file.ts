// LevelDB, when it finds a damaged record in its log, drops it and what follows in its block without a word, as if a
// crash had torn the last write. But with every write synced, nothing whole can follow on a torn one. The format:
// https://github.com/google/leveldb/blob/main/doc/log_format.md
import { viewOf } from "./bytes.js";
import { isSealed } from "./crc32c.js";

const BLOCK_BYTES = 32 * 1024;
/** checksum:u32 length:u16 type:u8, little-endian; the checksum is that of type and content. */
const HEADER_BYTES = 7;
/** Types of records that begin a write: all of it, or its first part. */
const BEGINNINGS = [1, 2];

/**
 * Where a log is damaged, given all of its bytes: at a record that is not whole, though a write that came later is. Undefined
 * when nothing is, or nothing that could not be a torn last write.
 */
export function findLogDamage(log: Uint8Array): number | undefined {
  let broken: number | undefined;
  let at = 0;
  while (at + HEADER_BYTES <= log.length) {
    const blockEnd = Math.min(at - (at % BLOCK_BYTES) + BLOCK_BYTES, log.length);
    if (at + HEADER_BYTES > blockEnd) {
      at = blockEnd;
      continue;
    }
    const end = at + HEADER_BYTES + viewOf(log).getUint16(at + 4, true);
    const isWhole = end <= blockEnd && isSealed(log.subarray(at + 6, end), viewOf(log).getUint32(at, true));
    if (isWhole && broken !== undefined && BEGINNINGS.includes(log[at + 6] ?? 0)) return broken;
    if (!isWhole) broken ??= at;
    // Its length may be what is damaged; then the next block shows more.
    at = Math.min(end, blockEnd);
  }
  return undefined;
}
