import { ConfigError } from "@paxos/core";
import type { PersistentState } from "@paxos/proto";
import { findStore, readStoreId, requireSame } from "./identify-store.js";
import { inspectRuns } from "./inspect-runs.js";
import { inspectSnapshots } from "./inspect-snapshots.js";
import { FIRST_SEQ_KEY, FORMAT, saveKey, SAVES_START, unknownRanges } from "./layout.js";
import { readState, readStore } from "./load-store.js";
import { Problems } from "./problems.js";
import type { Records } from "./records.js";
import type { StorageReport } from "./storage-report.js";
import type { StoreMarker } from "./store-marker.js";
import { openExisting, type StorePlace } from "./store-place.js";
import { readChainBase, walkSaves } from "./walk-saves.js";

/**
 * Reads a store from end to end, and says what is in it and what is wrong with it: every record, the log without holes, the
 * chain of saves, all chunks of all snapshots. No node may be running on it. It makes nothing, removes no record, and holds no
 * more than a chunk at a time; but LevelDB is opened as by a start, which moves what is in its log into a table.
 *
 * Rejects with a ConfigError when there is no store, or it is in use, or of another format; with a StorageError when its files
 * are damaged so that the database cannot be opened.
 */
export async function inspectStorage(place: StorePlace): Promise<StorageReport> {
  const { records, marker } = await openExisting(place);
  try {
    return await inspect(records, marker);
  } finally {
    await records.db.close();
  }
}

async function inspect(records: Records, marker: StoreMarker | undefined): Promise<StorageReport> {
  const problems = new Problems();
  const { report } = problems;
  const marked = await problems.attempt(async () => await marker?.read(), undefined);
  if (!(await findStore(records, marked !== undefined))) {
    throw new ConfigError(`there is no storage in ${records.name}`);
  }
  const storeId = await problems.attempt<bigint | undefined>(() => readStoreId(records), undefined);
  if (storeId !== undefined && marked !== undefined) {
    await problems.attempt(async () => requireSame(records, storeId, marked), undefined);
  }
  const firstSeq = Number((await problems.attempt(() => records.getNumber(FIRST_SEQ_KEY), undefined)) ?? 1n);
  const found = await problems.attempt(() => readState(records), undefined);
  const aru = Number(found?.state.localAru ?? 0n);
  const saves = await inspectSaves(records, Number(found?.state.saveNumber ?? 0n), problems);
  const { log, accepted, ...runs } = await inspectRuns(records, { firstSeq, aru }, report);
  const { snapshots, incoming, ...chunks } = await inspectSnapshots(records, report);
  for (const range of unknownRanges()) {
    const key = await records.firstKey(range);
    if (key !== undefined) report(records.damaged(key));
  }
  // What a start would refuse, in its own words.
  await problems.attempt<unknown>(() => readStore(records), undefined);
  return {
    name: records.name,
    format: FORMAT,
    ...(storeId !== undefined && { storeId }),
    ...(found !== undefined && { state: describeState(found.state) }),
    firstSeq,
    log,
    accepted,
    snapshots,
    ...(incoming !== undefined && { incoming }),
    saves: { first: saves.first, count: saves.count },
    leftovers: runs.leftovers + chunks.leftovers + saves.leftovers,
    problems: problems.listed,
    problemCount: problems.count,
  };
}

async function inspectSaves(
  records: Records,
  last: number,
  problems: Problems,
): Promise<StorageReport["saves"] & { leftovers: number }> {
  const base = await problems.attempt(() => readChainBase(records), { number: 0, chain: 0 });
  let count = 0;
  await problems.attempt<unknown>(
    () => walkSaves(records, { base, last, report: problems.report, visit: () => count++ }),
    undefined,
  );
  let leftovers = 0;
  for await (const keys of records.keys({ gte: SAVES_START, lt: saveKey(base.number + 1) })) {
    leftovers += keys.length;
  }
  return { first: base.number + 1, count, leftovers };
}

function describeState(state: PersistentState): NonNullable<StorageReport["state"]> {
  const { nodeId, saveNumber, promisedView, ledView, localAru, epochRecord, clusterId, peerStores } = state;
  return {
    nodeId,
    saveNumber: Number(saveNumber),
    promisedView,
    ...(ledView !== undefined && { ledView }),
    localAru: Number(localAru),
    ...(epochRecord !== undefined && { epochRecord }),
    ...(clusterId.length > 0 && { clusterId }),
    peerStores,
  };
}
