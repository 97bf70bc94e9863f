import { endOf } from "./merge-runs.js";
import { parseRunKey, RUNS_END, RUNS_START } from "./layout.js";
import { asProblem } from "./problems.js";
import type { Records } from "./records.js";
import { decodeRun } from "./run-records.js";
import type { StorageError } from "./storage-error.js";
import type { StorageReport } from "./storage-report.js";

/** What an inspection of the log has found. */
export interface InspectedRuns extends Pick<StorageReport, "log" | "accepted"> {
  readonly leftovers: number;
}

/** Reads every run, and sees to it that there is no hole from the first seq to the ARU. */
export async function inspectRuns(
  records: Records,
  { firstSeq, aru }: { readonly firstSeq: number; readonly aru: number },
  report: (error: StorageError) => void,
): Promise<InspectedRuns> {
  const log = { updates: Math.max(0, aru - firstSeq + 1), runs: 0, bytes: 0 };
  const accepted = { runs: 0, lastSeq: aru };
  let leftovers = 0;
  /** The first seq that no run before has held. */
  let next = firstSeq;
  const reach = (seq: number): void => {
    const end = Math.min(seq, aru + 1);
    if (end <= next) return;
    report(
      records.error(`no record holds ${next === end - 1 ? `seq ${next}` : `seqs ${next} to ${end - 1}`}`),
    );
    log.updates -= end - next;
    next = end;
  };
  for await (const entries of records.entries({ gte: RUNS_START, lt: RUNS_END })) {
    for (const [key, sealed] of entries) {
      const id = parseRunKey(key);
      if (id === undefined) {
        report(records.damaged(key));
        continue;
      }
      try {
        decodeRun(records, key, id, sealed);
      } catch (error) {
        report(asProblem(error));
      }
      if (endOf(id) <= firstSeq) {
        leftovers++;
        continue;
      }
      reach(id.seq);
      next = Math.max(next, endOf(id));
      if (id.seq <= aru) {
        log.runs++;
        log.bytes += key.length + sealed.length;
      }
      if (endOf(id) > aru + 1) {
        accepted.runs++;
        accepted.lastSeq = Math.max(accepted.lastSeq, endOf(id) - 1);
      }
    }
  }
  reach(aru + 1);
  return { log, accepted, leftovers };
}
