import { concat, u32, u64, viewOf } from "./bytes.js";
import { CHAIN_KEY, parseSaveKey, saveKey, SAVES_END } from "./layout.js";
import type { Records } from "./records.js";
import { SaveRecord } from "./save-record.js";
import { unseal } from "./seal.js";
import type { StorageError } from "./storage-error.js";

/** The end of a chain of saves: the number of the last one, and its checksum. */
export interface ChainEnd {
  readonly number: number;
  readonly chain: number;
}

/** Up to where records of saves have been dropped. */
export async function readChainBase(records: Records): Promise<ChainEnd> {
  const record = await records.get(CHAIN_KEY);
  if (record === undefined) return { number: 0, chain: 0 };
  if (record.length !== 12) throw records.damaged(CHAIN_KEY);
  const view = viewOf(record);
  return { number: Number(view.getBigUint64(0)), chain: view.getUint32(8) };
}

/** What {@link readChainBase} reads. */
export function encodeChainBase({ number, chain }: ChainEnd): Uint8Array {
  return concat(u64(number), u32(chain));
}

/** What to walk over, and whom to tell. */
export interface Walk {
  readonly base: ChainEnd;
  /** The number of the last save, which the state gives. */
  readonly last: number;
  /** Called with each record, in order. */
  readonly visit: (number: number, record: SaveRecord) => void;
  /** Called with all that is wrong. Throwing ends the walk. */
  readonly report: (error: StorageError) => void;
}

/** Walks over the records of all saves, and sees to it that none is missing, changed or out of place. */
export async function walkSaves(records: Records, { base, last, visit, report }: Walk): Promise<ChainEnd> {
  let end = base;
  // After something wrong, the next record has nothing to follow on.
  let unbroken = true;
  const missing = (upTo: number): void => {
    const from = end.number + 1;
    const which = from === upTo ? `record of save ${upTo} is` : `records of saves ${from} to ${upTo} are`;
    report(records.error(`the ${which} missing, though ${last} were made. What was saved is lost`));
    unbroken = false;
  };
  for await (const entries of records.entries({ gte: saveKey(base.number + 1), lt: SAVES_END })) {
    for (const [key, sealed] of entries) {
      const number = parseSaveKey(key);
      const bytes = unseal(key, sealed);
      const record = bytes && SaveRecord.parse(bytes);
      if (number === undefined) {
        report(records.damaged(key));
        continue;
      }
      if (number > last) {
        report(records.error(`there is a record of save ${number}, and the state is that of save ${last}`));
      } else if (number !== end.number + 1) {
        missing(number - 1);
      }
      if (record === undefined) {
        report(records.damaged(key));
        unbroken = false;
      } else {
        if (unbroken && !record.follows(number, end.chain)) {
          report(records.error(`save ${number} does not follow on the save before it`));
        }
        unbroken = true;
        visit(number, record);
      }
      end = { number, chain: record?.chain ?? 0 };
    }
  }
  if (end.number < last) missing(last);
  return end;
}
