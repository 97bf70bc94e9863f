// LevelDB's logs, and its manifest, which has the same form: https://github.com/google/leveldb/blob/main/doc/log_format.md
import { concat, viewOf } from "./bytes.js";
import { isSealed } from "./crc32c.js";

const BLOCK_BYTES = 32 * 1024;
/** checksum:u32 length:u16 type:u8, little-endian; the checksum is that of type and content. */
const HEADER_BYTES = 7;
const [WHOLE, FIRST, , LAST] = [1, 2, 3, 4];

interface Part {
  readonly at: number;
  /** What it is of a write: all, the first part, a middle one, the last. Undefined when it is damaged. */
  readonly type: number | undefined;
  readonly content: Uint8Array;
}

function* partsOf(log: Uint8Array): Generator<Part> {
  const view = viewOf(log);
  let at = 0;
  while (at + HEADER_BYTES <= log.length) {
    const blockEnd = Math.min(at - (at % BLOCK_BYTES) + BLOCK_BYTES, log.length);
    if (at + HEADER_BYTES > blockEnd) {
      at = blockEnd;
      continue;
    }
    const end = at + HEADER_BYTES + view.getUint16(at + 4, true);
    const isSound = end <= blockEnd && isSealed(log.subarray(at + 6, end), view.getUint32(at, true));
    yield {
      at,
      type: isSound ? view.getUint8(at + 6) : undefined,
      content: log.subarray(at + HEADER_BYTES, end),
    };
    // When the length itself is damaged, the next block shows more.
    at = Math.min(end, blockEnd);
  }
}

/**
 * What is wrong with a log, given all of its bytes: a write is not whole, though one that came later is. LevelDB drops such
 * a one, and what follows in its block, without a word, as if a crash had torn the last write. But with every write synced,
 * nothing whole can follow on a torn one. Undefined when nothing is wrong, or nothing that could not be a torn last write.
 */
export function findLogDamage(log: Uint8Array): string | undefined {
  let broken: number | undefined;
  for (const { at, type } of partsOf(log)) {
    if (type === undefined) broken ??= at;
    else if (broken !== undefined && (type === WHOLE || type === FIRST)) {
      return `its record at ${broken} is not whole, and others follow`;
    }
  }
  return undefined;
}

/** What was written to a log, write by write, up to the first that is not whole. */
export function* readLog(log: Uint8Array): Generator<Uint8Array> {
  let parts: Uint8Array[] = [];
  for (const { type, content } of partsOf(log)) {
    if (type === undefined) return;
    if (type === WHOLE || type === FIRST) parts = [];
    parts.push(content);
    if (type === WHOLE || type === LAST) yield concat(...parts);
  }
}
