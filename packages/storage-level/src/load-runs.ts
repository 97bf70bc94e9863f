import type { StoredRun } from "@paxos/proto";
import { describeKey, lowestRunKey, RUNS_END } from "./layout.js";
import { endOf } from "./merge-runs.js";
import type { Records } from "./records.js";
import { decodeRun, firstRunReaching, parseRun } from "./run-records.js";
import { ListedRuns, type ListedRun, type RunSurvey } from "./run-survey.js";
import { sealOf, unseal } from "./seal.js";
import type { StorageError } from "./storage-error.js";
import { walkSaves, type Walk } from "./walk-saves.js";

/** Of any size, so few of them. */
const RUNS_AT_A_TIME = 32;

/** The runs that reach above the ARU, in the order in which they were saved: those that saves list, and no others. */
export async function loadRunsAbove(
  records: Records,
  aru: number,
  listed: ListedRuns,
): Promise<readonly StoredRun[]> {
  const found = new Map<ListedRun, StoredRun>();
  const gte = lowestRunKey((await firstRunReaching(records, aru + 1)) ?? aru + 1);
  for await (const entries of records.entries({ gte, lt: RUNS_END })) {
    for (const [key, sealed] of entries) {
      const id = parseRun(records, key);
      if (endOf(id) <= aru + 1) continue;
      const run = decodeRun(records, key, id, sealed);
      const listedRun = listed.find(key, sealOf(sealed));
      if (listedRun === undefined) {
        throw records.error(`the record ${describeKey(key)} is not the one that a save has written`);
      }
      found.set(listedRun, run);
    }
  }
  return [...listed.values()].map((run) => found.get(run) ?? fail(lost(records, run)));
}

/**
 * Sees to it that of seqs which several runs hold, all those runs are there: were one missing, another would count. Walks over
 * the records of saves again, which is needed after changes of leader only.
 */
export async function checkContested(
  records: Records,
  survey: RunSurvey,
  walk: Omit<Walk, "visit">,
): Promise<void> {
  if (!survey.hasContested) return;
  const listed = new ListedRuns();
  await walkSaves(records, {
    ...walk,
    visit: (save, record) => {
      for (let i = 0; i < record.runCount; i++) {
        const from = record.seqOf(i);
        if (!survey.isContested({ from, end: from + record.countOf(i) })) continue;
        listed.add({ save, key: record.keyOf(i), seal: record.sealOf(i) });
      }
    },
  });
  const runs = [...listed.values()];
  while (runs.length > 0) {
    const some = runs.splice(0, RUNS_AT_A_TIME);
    const found = await records.getManySealed(some.map(({ key }) => key));
    some.forEach((run, i) => {
      const sealed = found[i];
      const isIntact = sealed !== undefined && unseal(run.key, sealed) !== undefined;
      if (!isIntact || sealOf(sealed) !== run.seal) walk.report(lost(records, run));
    });
  }
}

/** Sees to it that the log begins where it is said to. */
export async function checkBeginning(records: Records, firstSeq: number): Promise<void> {
  const seq = await firstRunReaching(records, firstSeq);
  if (seq === undefined) throw records.error(`no record holds seq ${firstSeq}, where the log begins`);
}

function lost(records: Records, { save, key }: ListedRun): StorageError {
  return records.error(
    `the record ${describeKey(key)}, which save ${save} has written, is missing or damaged`,
  );
}

function fail(error: StorageError): never {
  throw error;
}
