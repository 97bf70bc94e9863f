// Opens a store and reads all of it. What comes of it must be an error for the operator, or what the store held, at the
// end or after one of its earlier saves.
import { toBinary } from "@bufbuild/protobuf";
import { ConfigError, type Storage, type StoredState } from "@paxos/core";
import { PersistentStateSchema, SnapshotSchema, StoredRunSchema } from "@paxos/proto";
import { classicLevelStorage, StorageError } from "../src/index.js";
import { makeSave } from "../test/builders.js";
import type { WholeSnapshot } from "../test/snapshots.js";
import type { Truth } from "./history.js";

/** What came of it. */
export type Outcome =
  /** Everything is there. */
  | "intact"
  /** Everything is there as it was at an earlier time: the documented limit. */
  | "lost-tail"
  | "StorageError"
  | "ConfigError";

/** A store gave what it never held, or did what it must not. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

/** Opens a store and compares. Throws what must never be. */
export async function judge(directory: string, truth: Truth): Promise<{ outcome: Outcome; detail: string }> {
  try {
    const outcome = await readEverything(directory, truth);
    return { outcome, detail: "" };
  } catch (error) {
    if (error instanceof StorageError) return { outcome: "StorageError", detail: error.message };
    if (error instanceof ConfigError) return { outcome: "ConfigError", detail: error.message };
    throw error;
  }
}

async function readEverything(directory: string, truth: Truth): Promise<Outcome> {
  await using storage = classicLevelStorage({ directory });
  const stored = await storage.load();
  const aru = Number(stored.state?.localAru ?? 0n);
  const firstSeq = stored.firstSeq ?? 1;
  const latest = Number(stored.snapshots?.at(-1)?.seq ?? 0n);
  const number = Number(stored.state?.saveNumber ?? 0n);
  // Everything is read before anything is judged: an error may come late.
  const log = await readLog(storage, firstSeq, aru);
  for (const snapshot of stored.snapshots ?? [])
    await compareChunks(storage, find(truth.snapshots, snapshot));
  const received = await receiveRest(storage, stored, truth);

  if (stored.storeId !== truth.storeId) wrong(`store ${stored.storeId}, was ${truth.storeId}`);
  compareSave(stored, truth, number);
  log.forEach((update, i) => {
    const seq = firstSeq + i;
    if (update !== truth.values.get(seq)) wrong(`seq ${seq} is ${update}, was ${truth.values.get(seq)}`);
  });
  const saved = truth.saves[number - 1];
  if (firstSeq < (saved?.firstSeq ?? 1)) wrong(`the log begins at ${firstSeq}, below ${saved?.firstSeq}`);
  if (latest < (saved?.snapshotSeq ?? 0))
    wrong(`the latest snapshot is of ${latest}, not ${saved?.snapshotSeq}`);
  if (firstSeq > latest + 1) wrong(`the log begins at ${firstSeq}, the latest snapshot is of ${latest}`);
  await goOn(storage, number, aru);

  const isWhole = number === truth.saves.length && firstSeq === truth.firstSeq;
  const isLatest = latest === Number(truth.snapshots.at(-1)?.snapshot.seq ?? 0n);
  return isWhole && isLatest && received === truth.incomingNext ? "intact" : "lost-tail";
}

function compareSave({ state, runs }: StoredState, truth: Truth, number: number): void {
  if (number === 0) {
    if (state !== undefined || runs.length > 0) wrong("a state without a number");
    return;
  }
  const saved = truth.saves[number - 1];
  if (saved === undefined || state === undefined) return wrong(`save ${number} was never made`);
  const stateOf = (one: typeof state) => toBinary(PersistentStateSchema, one);
  if (Buffer.compare(stateOf(state), stateOf(saved.state)) !== 0) wrong(`another state of save ${number}`);
  const bytesOf = (some: typeof runs) => Buffer.concat(some.map((run) => toBinary(StoredRunSchema, run)));
  if (!bytesOf(runs).equals(bytesOf(saved.runs))) wrong(`other runs above the ARU of save ${number}`);
}

async function readLog(storage: Storage, firstSeq: number, aru: number): Promise<string[]> {
  const log: string[] = [];
  while (firstSeq + log.length <= aru) {
    // In small steps, which begin in the middle of runs.
    const { updates, firstSeq: begins } = await storage.read(firstSeq + log.length, aru, 60);
    if (updates.length === 0 || begins !== firstSeq)
      wrong(`nothing is read from seq ${firstSeq + log.length} on`);
    log.push(...updates.map((update) => new TextDecoder().decode(update)));
  }
  return log;
}

async function compareChunks(storage: Storage, { snapshot, chunks }: WholeSnapshot): Promise<void> {
  for (const [index, expected] of chunks.entries()) {
    const chunk = await storage.readChunk(snapshot, index);
    const isSame = chunk?.checksum === expected.checksum && Buffer.compare(chunk.data, expected.data) === 0;
    if (!isSame) wrong(`chunk ${index} of snapshot ${snapshot.seq}`);
  }
}

/** Receives what is lacking of the snapshot on its way in, and reads all of it. Gives what was there before. */
async function receiveRest(storage: Storage, { incoming }: StoredState, truth: Truth): Promise<number> {
  if (incoming === undefined) return 0;
  const whole = find(truth.incoming, incoming.snapshot);
  for (let next = incoming.next; next < whole.chunks.length; next++) {
    const chunk = whole.chunks[next];
    if (chunk === undefined || (await storage.receiveChunk(whole.snapshot, next, chunk)) !== next + 1) {
      wrong(`chunk ${next} of the snapshot on its way in was refused`);
    }
  }
  await compareChunks(storage, whole);
  return incoming.next;
}

function find(known: readonly WholeSnapshot[], snapshot: WholeSnapshot["snapshot"]): WholeSnapshot {
  const bytes = toBinary(SnapshotSchema, snapshot);
  const whole = known.find((one) => Buffer.compare(toBinary(SnapshotSchema, one.snapshot), bytes) === 0);
  return whole ?? wrong(`snapshot ${snapshot.seq} was never there`);
}

/** What was read must be good enough to go on from. */
async function goOn(storage: Storage, number: number, aru: number): Promise<void> {
  await storage.save(makeSave(number + 1, aru + 1, [{ seq: aru + 1, count: 1, ordered: true }]));
  const { updates } = await storage.read(aru + 1, aru + 1, 100);
  if (updates.length !== 1) wrong("the next save cannot be read");
}

function wrong(what: string): never {
  throw new WrongAnswer(what);
}
