import { expect } from "@jest/globals";
import type { Storage } from "@paxos/core";
import { makeSave, seededRandom, texts, type RunFields } from "./builders.js";
import { epochRecord, piecesOf, stream, wholeSnapshot, withChecksums } from "./snapshots.js";
import { coveredFrom, latestSeq, valueAt, withoutIncoming, type Model } from "./storage-model.js";

/** A storage, which may be exchanged for one with the same content, and what is done to it at random. */
export interface Operations {
  storage: Storage;
  readonly random: (below: number) => number;
  names: number;
}

export function makeOperations(storage: Storage, seed: number): Operations {
  return { storage, random: seededRandom(seed), names: 0 };
}

/** Does something to a storage that holds what the model says. Gives the model of what it holds then. */
export async function step(on: Operations, model: Model): Promise<Model> {
  const which = on.random(20);
  if (which < 8) return await save(on, model);
  if (which < 11) return await writeSnapshot(on, model);
  if (which < 15) return await receive(on, model);
  if (which < 17) return await compact(on, model);
  if (which < 18) return await compactAndSave(on, model);
  await read(on, model);
  return model;
}

async function save(on: Operations, model: Model, mayInstall = true): Promise<Model> {
  const { incoming } = model;
  const isThere = incoming !== undefined && incoming.next === incoming.whole.chunks.length;
  const installs = mayInstall && isThere && Number(incoming.whole.snapshot.seq) > latestSeq(model);
  const install = installs ? incoming.whole : undefined;
  const installed = Number(install?.snapshot.seq ?? 0n);
  const base = Math.max(model.aru, installed);
  const runs: RunFields[] = [];
  for (let i = on.random(4); i > 0; i--) {
    const top = Math.max(base, coveredFrom({ ...model, runs: [...model.runs, ...runs] }, base + 1));
    const seq = Math.max(1, top + 1 - on.random(8));
    runs.push({ seq, count: 1 + on.random(9), view: on.random(5), ordered: on.random(8) === 0 });
  }
  const saved = { ...model, number: model.number + 1, runs: [...model.runs, ...runs] };
  const top = Math.max(base, coveredFrom(saved, base + 1));
  const aru = base + on.random(top - base + 1);
  const save = makeSave(saved.number, aru, runs);
  await on.storage.save(install === undefined ? save : { ...save, install: install.snapshot });
  if (install === undefined) return { ...saved, aru };
  const snapshots = [...saved.snapshots, install];
  return withoutIncoming({ ...saved, aru, firstSeq: installed + 1, snapshots });
}

async function writeSnapshot(on: Operations, model: Model): Promise<Model> {
  const room = model.aru - latestSeq(model);
  if (room < 1) return model;
  const seq = latestSeq(model) + 1 + on.random(room);
  const pieces = piecesOf(`own ${on.names++}`, 1 + on.random(4));
  if (on.random(4) === 0) {
    const chunks = failing(pieces);
    await expect(on.storage.writeSnapshot({ seq, epochRecord, chunks })).rejects.toThrow("abandoned");
    return model;
  }
  const snapshot = await on.storage.writeSnapshot({ seq, epochRecord, chunks: stream(pieces) });
  return { ...model, snapshots: [...model.snapshots, { snapshot, chunks: withChecksums(pieces) }] };
}

async function receive(on: Operations, model: Model): Promise<Model> {
  const latest = latestSeq(model);
  let { incoming } = model;
  if (incoming === undefined || Number(incoming.whole.snapshot.seq) <= latest || on.random(12) === 0) {
    const seq = Math.max(latest, model.aru - 3) + 1 + on.random(12);
    const pieces = piecesOf(`peer's ${on.names++}`, 1 + on.random(4));
    incoming = { whole: wholeSnapshot(seq, BigInt(1000 + on.names), pieces), next: 0 };
  }
  const { snapshot, chunks } = incoming.whole;
  // Sometimes one that is not wanted, or damaged on its way.
  const index = on.random(6) === 0 ? on.random(chunks.length) : Math.min(incoming.next, chunks.length - 1);
  const chunk = chunks[index];
  if (chunk === undefined) throw new Error(`no chunk ${index}`);
  const isDamaged = on.random(8) === 0;
  const sent = isDamaged ? { ...chunk, checksum: chunk.checksum ^ 1 } : chunk;
  const next = await on.storage.receiveChunk(snapshot, index, sent);
  const isTaken = !isDamaged && index === incoming.next;
  expect(next).toBe(isTaken ? index + 1 : incoming.next);
  return isTaken ? { ...model, incoming: { ...incoming, next } } : model;
}

async function compact(on: Operations, model: Model): Promise<Model> {
  const firstSeq = 1 + on.random(latestSeq(model) + 1);
  const kept = model.snapshots.filter((_, i) => i === model.snapshots.length - 1 || on.random(4) === 0);
  const held = await on.storage.compact(
    firstSeq,
    kept.map(({ snapshot }) => snapshot),
  );
  expect(held).toBe(Math.max(firstSeq, model.firstSeq));
  return { ...model, firstSeq: held, snapshots: kept };
}

/** At once: a compaction, a save and a read. */
async function compactAndSave(on: Operations, model: Model): Promise<Model> {
  const from = 1 + on.random(Math.max(1, model.aru));
  const [{ firstSeq, snapshots }, saved, read] = await Promise.all([
    compact(on, model),
    save(on, model, false),
    on.storage.read(from, model.aru, 1000),
  ]);
  texts(read.updates).forEach((update, i) => {
    expect([valueAt(model, from + i), valueAt(saved, from + i)]).toContain(update);
  });
  expect(read.updates.length > 0).toBe(from >= read.firstSeq && from <= model.aru);
  return { ...saved, firstSeq, snapshots };
}

async function read(on: Operations, model: Model): Promise<void> {
  if (model.aru === 0) return;
  const from = 1 + on.random(model.aru);
  const upTo = from + on.random(model.aru - from + 1);
  const { updates, firstSeq } = await on.storage.read(from, upTo, 1 + on.random(200));
  expect(firstSeq).toBe(model.firstSeq);
  expect(updates.length > 0).toBe(from >= firstSeq);
  expect(texts(updates)).toEqual(updates.map((_, i) => valueAt(model, from + i)));
}

async function* failing(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
  throw new Error("abandoned");
}
