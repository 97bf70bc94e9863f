// What a node starts with, and whether all of it is there. LevelDB, when it recovers, drops damaged parts of its log without a
// word; what was saved in them must be missed here.
import { fromBinary } from "@bufbuild/protobuf";
import { PersistentStateSchema, type PersistentState } from "@paxos/proto";
import { checkBeginning, checkContested, loadRunsAbove } from "./load-runs.js";
import { loadSnapshots, removeLeftovers, sealedId, type LoadedSnapshots } from "./load-snapshots.js";
import {
  describeSnapshot,
  FIRST_SEQ_KEY,
  MESSAGE_FORMAT,
  RUNS_END,
  RUNS_START,
  saveKey,
  SAVES_END,
  SAVES_START,
  STATE_KEY,
} from "./layout.js";
import type { Tip } from "./put-save.js";
import type { OpenedState } from "./record-store.js";
import type { Records } from "./records.js";
import { RunSurvey } from "./run-survey.js";
import type { SaveRecord } from "./save-record.js";
import { sealOf } from "./seal.js";
import type { StorageError } from "./storage-error.js";
import { readChainBase, walkSaves, type ChainEnd } from "./walk-saves.js";

/** What was found, and where to go on. */
export interface LoadedStore {
  readonly opened: Omit<OpenedState, "storeId">;
  readonly tip: Tip;
}

interface StoreParts {
  readonly base: ChainEnd;
  readonly snapshots: LoadedSnapshots;
}

/**
 * Loads a store that has been made, and removes what crashes have left in it. Throws a StorageError when something that was
 * saved is missing or changed.
 */
export async function loadStore(records: Records): Promise<LoadedStore> {
  const found = await readStore(records);
  // Nothing is removed before everything was found to be in order.
  await removeLeftovers(records, found.snapshots);
  await records.delete({ gte: SAVES_START, lt: saveKey(found.base.number + 1) });
  return found;
}

/** The same, but only looks. */
export async function readStore(records: Records): Promise<LoadedStore & StoreParts> {
  const firstSeq = Number((await records.getNumber(FIRST_SEQ_KEY)) ?? 1n);
  const base = await readChainBase(records);
  const found = await readState(records);
  const loaded = await loadSnapshots(records);
  const { snapshots, incoming } = loaded;
  const rest = {
    ...(incoming && { incoming }),
    snapshots: snapshots.map(({ snapshot }) => snapshot),
    firstSeq,
  };
  if (found === undefined) {
    const isNew = firstSeq === 1 && base.number === 0 && snapshots.length === 0;
    if (!isNew || !(await hasNoSaves(records))) throw records.damaged(STATE_KEY);
    const tip = { ...base, firstSeq, snapshot: undefined };
    return { opened: { ...rest, runs: [] }, tip, base, snapshots: loaded };
  }
  const { state, seal } = found;
  const [aru, last] = [Number(state.localAru), Number(state.saveNumber)];
  const survey = new RunSurvey({ firstSeq, aru });
  let lastRecord: SaveRecord | undefined;
  const walk = { base, last, report: throwIt };
  const end = await walkSaves(records, {
    ...walk,
    visit: (number, record) => {
      survey.add(number, record);
      lastRecord = record;
    },
  });
  if (lastRecord?.stateSeal !== seal)
    throw records.error(`the state is not the one that save ${last} has written`);
  checkSnapshots(records, lastRecord, { firstSeq, aru, snapshots });
  const runs = await loadRunsAbove(records, aru, survey.aboveAru);
  await checkContested(records, survey, walk);
  if (aru >= firstSeq) await checkBeginning(records, firstSeq);
  const latest = snapshots.at(-1);
  return {
    opened: { ...rest, state, runs },
    tip: { ...end, firstSeq, snapshot: latest && sealedId(latest) },
    base,
    snapshots: loaded,
  };
}

/** The state, and the checksum that it is sealed with. */
export async function readState(
  records: Records,
): Promise<{ readonly state: PersistentState; readonly seal: number } | undefined> {
  const sealed = await records.getSealed(STATE_KEY);
  if (sealed === undefined) return undefined;
  const record = records.unseal(STATE_KEY, sealed);
  try {
    const state = fromBinary(PersistentStateSchema, record);
    if (state.formatVersion === MESSAGE_FORMAT) return { state, seal: sealOf(sealed) };
  } catch {
    // Damaged, as below.
  }
  throw records.damaged(STATE_KEY);
}

interface Beginning extends Pick<LoadedSnapshots, "snapshots"> {
  readonly firstSeq: number;
  readonly aru: number;
}

/** Sees to it that the log begins, and its snapshots stand, no lower than when the last save was made. */
function checkSnapshots(
  records: Records,
  lastSave: SaveRecord,
  { firstSeq, aru, snapshots }: Beginning,
): void {
  const latest = snapshots.at(-1);
  const latestSeq = Number(latest?.snapshot.seq ?? 0n);
  if (latestSeq > aru) {
    throw records.error(`the latest snapshot is of seq ${latestSeq}, and what is ordered ends at seq ${aru}`);
  }
  if (firstSeq > latestSeq + 1) {
    throw records.error(
      `the log begins at seq ${firstSeq}, and no snapshot reaches it: the latest is of seq ${latestSeq}`,
    );
  }
  if (firstSeq < lastSave.firstSeq) {
    throw records.error(
      `the log is said to begin at seq ${firstSeq}, and was dropped below seq ${lastSave.firstSeq}`,
    );
  }
  const known = lastSave.snapshot;
  if (known === undefined || latestSeq > Number(known.seq)) return;
  if (latest === undefined || latest.seal !== known.seal || latest.snapshot.origin !== known.origin) {
    throw records.error(
      `the snapshot ${describeSnapshot(known)} is missing, or not the one that was written`,
    );
  }
}

async function hasNoSaves(records: Records): Promise<boolean> {
  const ranges = [
    { gte: SAVES_START, lt: SAVES_END },
    { gte: RUNS_START, lt: RUNS_END },
  ];
  for (const range of ranges) if ((await records.firstKey(range)) !== undefined) return false;
  return true;
}

function throwIt(error: StorageError): never {
  throw error;
}
