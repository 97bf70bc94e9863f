import type { StoredRun } from "@paxos/proto";
import { lowestRunKey, MAX_RUN_UPDATES, parseRunKey, type RunId } from "./layout.js";
import { endOf } from "./merge-runs.js";
import type { Records } from "./records.js";
import { decodeStoredRun } from "./stored-run.js";

/** The lowest first seq of the runs that begin at or below `seq` and reach it, found by their keys alone. */
export async function firstRunReaching(records: Records, seq: number): Promise<number | undefined> {
  const gte = lowestRunKey(Math.max(1, seq - (MAX_RUN_UPDATES - 1)));
  for await (const keys of records.keys({ gte, lt: lowestRunKey(seq + 1) })) {
    for (const key of keys) {
      const id = parseRun(records, key);
      if (endOf(id) > seq) return id.seq;
    }
  }
  return undefined;
}

/** What the key of a run says. Throws a StorageError for another key. */
export function parseRun(records: Records, key: Uint8Array): RunId {
  const id = parseRunKey(key);
  if (id === undefined) throw records.damaged(key);
  return id;
}

/** The run under a key. Throws a StorageError when it is not what the key says. */
export function decodeRun(records: Records, key: Uint8Array, id: RunId, sealed: Uint8Array): StoredRun {
  const run = decodeStoredRun(id, records.unseal(key, sealed));
  if (run === undefined) throw records.damaged(key);
  return run;
}
