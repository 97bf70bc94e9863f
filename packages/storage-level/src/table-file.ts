// LevelDB verifies the blocks of its tables only when asked to, and classic-level does not ask. A damaged one may give other
// records, or end the process by an assertion; so all of them are verified before LevelDB sees them. The format:
// https://github.com/google/leveldb/blob/main/doc/table_format.md
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { viewOf } from "./bytes.js";
import { isSealed } from "./crc32c.js";
import { unsnappy } from "./snappy.js";

const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
/** What follows a block: how it is compressed, and its checksum. */
const TRAILER_BYTES = 5;
const SNAPPY = 1;

interface BlockHandle {
  readonly offset: number;
  /** Without what follows it. */
  readonly size: number;
}

/** What is wrong with a table, given all of its bytes; undefined when nothing is. */
export function findTableDamage(table: Uint8Array): string | undefined {
  const footer = table.subarray(-FOOTER_BYTES);
  if (footer.length < FOOTER_BYTES || viewOf(footer).getBigUint64(FOOTER_BYTES - 8, true) !== MAGIC) {
    return "it has no end";
  }
  try {
    const reader = new BinaryReader(footer);
    const metaindex = readHandle(reader);
    const index = readHandle(reader);
    const indexBlock = readBlock(table, index);
    readBlock(table, metaindex);
    const blocks = handlesIn(indexBlock);
    // Without gaps: what lies between the last one and the metaindex is the filter.
    let end = 0;
    for (const block of blocks) {
      if (block.offset !== end) throw new DamagedBlock(end);
      readBlock(table, block);
      end += block.size + TRAILER_BYTES;
    }
    if (end < metaindex.offset)
      readBlock(table, { offset: end, size: metaindex.offset - end - TRAILER_BYTES });
    return undefined;
  } catch (error) {
    return error instanceof DamagedBlock ? `its block at ${error.offset} is damaged` : "its index is damaged";
  }
}

class DamagedBlock extends Error {
  constructor(readonly offset: number) {
    super(`block at ${offset}`);
  }
}

/** A block as it is stored, with its type. Throws when its checksum does not fit. */
function readBlock(table: Uint8Array, { offset, size }: BlockHandle): Uint8Array {
  const end = offset + size + 1;
  if (size < 0 || end + 4 > table.length) throw new DamagedBlock(offset);
  const block = table.subarray(offset, end);
  if (!isSealed(block, viewOf(table).getUint32(end, true))) throw new DamagedBlock(offset);
  return block;
}

/** The handles that an index block has as its values. */
function handlesIn(block: Uint8Array): BlockHandle[] {
  const stored = block.subarray(0, -1);
  const content = block.at(-1) === SNAPPY ? unsnappy(stored) : stored;
  const restarts = viewOf(content).getUint32(content.length - 4, true);
  const entries = new BinaryReader(content.subarray(0, content.length - 4 * (restarts + 1)));
  const handles: BlockHandle[] = [];
  while (entries.pos < entries.len) {
    entries.uint32(); // bytes shared with the key before
    const keyBytes = entries.uint32();
    const valueBytes = entries.uint32();
    entries.pos += keyBytes;
    const value = content.subarray(entries.pos, entries.pos + valueBytes);
    handles.push(readHandle(new BinaryReader(value)));
    entries.pos += valueBytes;
  }
  return handles;
}

function readHandle(reader: BinaryReader): BlockHandle {
  return { offset: Number(reader.uint64()), size: Number(reader.uint64()) };
}
