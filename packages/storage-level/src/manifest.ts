// Which tables a database of LevelDB has: https://github.com/google/leveldb/blob/main/doc/impl.md#manifest
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { readLog } from "./log-file.js";

/** The tags of what an edit consists of, as in LevelDB's version_edit.cc. */
const COMPARATOR = 1;
const COMPACT_POINTER = 5;
const DELETED_FILE = 6;
const NEW_FILE = 7;

/**
 * The numbers of the tables that a directory's database consists of. There may be others, which crashes have left. Empty when it
 * cannot be told, which LevelDB then says itself when it opens.
 */
export async function liveTables(directory: string): Promise<ReadonlySet<number>> {
  try {
    const current = await readFile(join(directory, "CURRENT"), "latin1");
    const manifest = await readFile(join(directory, current.trimEnd()));
    const tables = new Set<string>();
    for (const edit of readLog(manifest)) apply(tables, new BinaryReader(edit));
    return new Set([...tables].map((table) => Number(table.split(" ")[1])));
  } catch {
    return new Set();
  }
}

/** Applies an edit to a set of "level number". What it deletes comes before what it adds, also when a table changes its level. */
function apply(tables: Set<string>, edit: BinaryReader): void {
  while (edit.pos < edit.len) {
    switch (edit.uint32()) {
      case COMPARATOR:
        edit.bytes();
        break;
      case COMPACT_POINTER:
        edit.uint32();
        edit.bytes();
        break;
      case DELETED_FILE:
        tables.delete(`${edit.uint32()} ${edit.uint64()}`);
        break;
      case NEW_FILE:
        tables.add(`${edit.uint32()} ${edit.uint64()}`);
        edit.uint64(); // its size
        edit.bytes(); // its smallest key
        edit.bytes(); // its largest key
        break;
      default: // a number
        edit.uint64();
    }
  }
}
