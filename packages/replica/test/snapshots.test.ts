// Snapshots: taken while updates go on, restored at the start, given to a node whose peers have dropped what it lacks.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ClientUpdateSchema, LogRequestSchema, UpdateKind, type BackupPiece } from "@paxos/proto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { systemClock } from "@paxos/replica";
import { classicLevelStorage } from "@paxos/storage-level";
import { MemoryCluster, type TestMember } from "./memory-cluster.js";
import { bytes, RecordingMachine, text } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "replica-snapshots-"));
});
afterAll(() => rm(root, { recursive: true }));

let directories = 0;
function newDirectory(): () => ReturnType<typeof classicLevelStorage> {
  const directory = join(root, String(directories++));
  return () => classicLevelStorage({ directory });
}

const never = new AbortController().signal;
/** Many snapshots, in many chunks, and next to no log behind them. */
const often = { everyUpdates: 40, tailUpdates: 5, chunkBytes: 64 };

async function submitAll({ replica }: TestMember, count: number, name = "update"): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, i) => replica.submit(bytes(`${name} ${i}`), { whenBusy: "wait" })),
  );
}

/** Lets time pass until it is done. */
async function finish<T>(cluster: MemoryCluster, work: Promise<T>): Promise<T> {
  let done = false;
  const ended = () => void (done = true);
  work.then(ended, ended);
  await cluster.until(() => done, "done");
  return work;
}

async function logOf({
  handler,
}: TestMember): Promise<{ firstSeq: number; seqs: number[]; repeated: number[] }> {
  const found = { firstSeq: 1, seqs: [] as number[], repeated: [] as number[] };
  for await (const { firstSeq, entries } of handler.log(create(LogRequestSchema, { fromSeq: 1n }), never)) {
    if (firstSeq > 0n) found.firstSeq = Number(firstSeq);
    for (const { seq, duplicate } of entries) {
      found.seqs.push(Number(seq));
      if (duplicate) found.repeated.push(Number(seq));
    }
  }
  return found;
}

test("a node starts from its latest snapshot and the log behind it, with the state it had", async () => {
  await using cluster = MemoryCluster.idle(1);
  const open = newDirectory();
  const first = await cluster.startMember(0, { storage: open(), clock: systemClock, snapshots: often });
  for (let round = 0; round < 10; round++) await submitAll(first, 21, `round ${round}`);
  await cluster.until(() => (first.replica.status().snapshot?.seq ?? 0n) > 150n, "snapshots");
  const taken = first.replica.status().snapshot?.seq ?? 0n;
  await first.replica.close();

  const second = await cluster.startMember(0, { storage: open(), clock: systemClock, snapshots: often });
  const { result } = await second.replica.submit(bytes("new"));
  expect(text(result)).toBe("211: new");
  expect(second.machine.applied).toEqual([...first.machine.applied, "new"]);
  // Given by the snapshot, not applied again.
  expect(second.machine.seqs.length).toBeLessThan(60);
  const log = await logOf(second);
  expect(log.firstSeq).toBeGreaterThan(Number(taken) - 50);
  expect(log.seqs).toEqual(
    second.machine.seqs.filter((seq) => seq >= log.firstSeq).length > 0 ? log.seqs : [],
  );
  expect(log.seqs.at(-1)).toBe(Number(second.replica.status().localAru));
  expect(Number(second.replica.status().firstSeq)).toBe(log.firstSeq);
});

test("an update that was executed before the snapshot is a duplicate after it, with its first answer", async () => {
  await using cluster = MemoryCluster.idle(1);
  const open = newDirectory();
  const options = { clock: systemClock, snapshots: { ...often, everyUpdates: Infinity } };
  const first = await cluster.startMember(0, { storage: open(), ...options });
  const registration = create(ClientUpdateSchema, { clientId: 7n, kind: UpdateKind.REGISTER });
  const { seq: session } = await first.handler.clientUpdate(registration, never);
  const registered = (member: TestMember, timestamp: bigint) =>
    member.handler.clientUpdate(
      create(ClientUpdateSchema, { clientId: 7n, timestamp, session, update: bytes("registered") }),
      never,
    );
  const answer = await registered(first, 3n);
  const own = await cluster.request(0, 8n, 1n, "own id");
  const { seq } = await first.replica.takeSnapshot();
  // In the log behind the snapshot, this one is marked by what the snapshot remembers.
  await first.replica.submit(bytes("behind"));
  await first.replica.close();

  const second = await cluster.startMember(0, { storage: open(), ...options });
  expect(second.replica.status().snapshot?.seq).toBe(BigInt(seq));
  expect(await registered(second, 3n)).toMatchObject({
    seq: answer.seq,
    result: answer.result,
    duplicate: true,
  });
  expect(await cluster.request(0, 8n, 1n, "own id")).toMatchObject({ seq: own.seq, duplicate: true });
  expect(await second.handler.clientUpdate(registration, never)).toMatchObject({
    seq: session,
    duplicate: true,
  });
  await second.replica.submit(bytes("new"));
  expect(second.machine.applied).toEqual(["registered", "own id", "behind", "new"]);
});

test("the marks of what was ordered twice outlive the process, for the part of the log that is kept", async () => {
  await using cluster = MemoryCluster.idle(3);
  const open = newDirectory();
  const snapshots = { ...often, everyUpdates: Infinity, tailUpdates: 1000 };
  for (const nodeId of [0, 1]) await cluster.startMember(nodeId);
  const first = await cluster.startMember(2, { storage: open(), snapshots });
  const leader = await cluster.elect();
  const follower = [0, 1].find((nodeId) => nodeId !== leader) ?? 0;
  // A copy that comes late is ordered once more.
  cluster.hub.holds = ({ type }) => type.case === "clientUpdate";
  const late = cluster.request(follower, 9n, 1n);
  await finish(cluster, cluster.request(leader, 9n, 1n));
  cluster.hub.releaseHeld();
  await finish(cluster, late);
  await finish(cluster, cluster.request(leader, 9n, 2n));
  const { appliedSeq } = cluster.member(0).replica.status();
  await cluster.until(() => first.replica.status().appliedSeq >= appliedSeq, "level");
  const before = await finish(cluster, logOf(first));
  expect(before.repeated.length).toBeGreaterThan(0);
  await finish(cluster, first.replica.takeSnapshot());
  await finish(cluster, first.replica.close());

  const second = await cluster.startMember(2, { storage: open(), snapshots });
  expect(second.replica.status().snapshot).toBeDefined();
  await cluster.until(() => second.replica.status().appliedSeq >= appliedSeq, "level");
  expect(await finish(cluster, logOf(second))).toEqual(before);
});

test("a node that was away for longer than the log reaches is given a snapshot, and goes on from there", async () => {
  await using cluster = await MemoryCluster.start(3, { snapshots: often });
  const [leader, , laggard = -1] = await cluster.roles();
  for (const other of [0, 1, 2]) {
    cluster.hub.cut(other, laggard);
    cluster.hub.cut(laggard, other);
  }
  const waiting = rejectionOf(cluster.member(laggard).replica.submit(bytes("of the one that was away")));
  for (let round = 0; round < 10; round++) {
    await finish(cluster, submitAll(cluster.member(leader), 30, `round ${round}`));
  }
  await cluster.until(() => cluster.member(leader).replica.status().firstSeq > 100n, "compacted");
  cluster.hub.heal();
  await cluster.until(
    () =>
      cluster.member(laggard).replica.status().appliedSeq >=
      cluster.member(leader).replica.status().appliedSeq,
    "level",
  );
  const { machine, lines, replica } = cluster.member(laggard);
  expect(lines.filter((line) => line.includes("snapshot")).length).toBeGreaterThan(1);
  expect(await waiting).toMatchObject({ code: "unavailable" });
  expect(machine.seqs.length).toBeLessThan(machine.applied.length);
  // Its own update may still be ordered: its node goes on trying.
  await cluster.until(() => machine.applied.includes("of the one that was away"), "its update is ordered");
  await cluster.until(
    () => cluster.member(leader).machine.applied.length === machine.applied.length,
    "level",
  );
  expect(machine.applied).toEqual(cluster.member(leader).machine.applied);
  expect(Number(replica.status().firstSeq)).toBeGreaterThan(100);
});

test("a snapshot shows the state of its seq, though updates go on while it is written", async () => {
  await using cluster = MemoryCluster.idle(1);
  const member = await cluster.startMember(0, {
    storage: newDirectory()(),
    clock: systemClock,
    snapshots: { ...often, everyUpdates: Infinity },
  });
  await submitAll(member, 100, "before");
  const pieces: BackupPiece[] = [];
  const going = submitAll(member, 500, "while");
  for await (const piece of member.handler.backup(never)) pieces.push(piece);
  await going;
  const seq = Number(pieces[0]?.snapshot?.seq);
  const state = text(Buffer.concat(pieces.map(({ data }) => data)));
  const covered = member.machine.seqs.filter((applied) => applied <= seq).length;
  expect(state).toContain(`${member.machine.applied[covered - 1]}\n`);
  const later = member.machine.applied.slice(covered);
  expect(later.filter((update) => state.includes(`${update}\n`))).toEqual([]);
  expect(pieces.map(({ index }) => index)).toEqual(pieces.map((_, i) => i));
  expect(pieces).toHaveLength(pieces[0]?.snapshot?.chunks ?? 0);
});

test("on demand, twice without an update between them, it is the same one", async () => {
  await using cluster = MemoryCluster.idle(1);
  const options = { storage: newDirectory()(), clock: systemClock };
  const { replica, handler } = await cluster.startMember(0, options);
  await replica.submit(bytes("one"));
  const both = await Promise.all([replica.takeSnapshot(), handler.takeSnapshot(never)]);
  expect(both[0].seq).toBe(2);
  expect(both[1].seq).toBe(2n);
  expect(await handler.takeSnapshot(never)).toMatchObject({ seq: 2n, bytes: BigInt(both[0].bytes) });
});

test("the log is dropped when the answer comes, and backups of more than a few snapshots at once are refused", async () => {
  await using cluster = MemoryCluster.idle(1);
  const options = {
    storage: newDirectory()(),
    clock: systemClock,
    snapshots: { ...often, everyUpdates: Infinity },
  };
  const member = await cluster.startMember(0, options);
  const backups: AsyncIterator<BackupPiece>[] = [];
  for (let i = 1; ; i++) {
    await submitAll(member, 10, `round ${i}`);
    const { seq, firstSeq } = await member.handler.takeSnapshot(never);
    expect(firstSeq).toBe(seq - 4n);
    const backup = member.handler.backup(never)[Symbol.asyncIterator]();
    backups.push(backup);
    const refused = await backup.next().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused === undefined) continue;
    expect(refused).toMatchObject({ code: "busy" });
    expect(i).toBe(5);
    break;
  }
  for (const backup of backups) await backup.return?.();
  const pieces: BackupPiece[] = [];
  for await (const piece of member.handler.backup(never)) pieces.push(piece);
  expect(pieces).toHaveLength(pieces[0]?.snapshot?.chunks ?? 0);
});

test("a state machine without snapshots keeps its log, and says so", async () => {
  await using cluster = MemoryCluster.idle(1);
  const stateMachine = { apply: () => new Uint8Array() };
  const member = await cluster.startMember(0, { clock: systemClock, stateMachine, snapshots: often });
  await submitAll(member, 300);
  expect(member.replica.status()).toMatchObject({ firstSeq: 1n });
  await expect(member.replica.takeSnapshot()).rejects.toMatchObject({ code: "invalid" });
});

test("one that has only one of the two is refused", async () => {
  await using cluster = MemoryCluster.idle(1);
  const stateMachine = { apply: () => new Uint8Array(), snapshot: () => [] };
  await expect(cluster.startMember(0, { stateMachine })).rejects.toMatchObject({ name: "ConfigError" });
});

test.each([
  ["at once", () => fails()],
  ["in the midst", () => failsLater()],
  ["later", () => failsLaterStill()],
])("a state machine whose snapshot fails %s goes on without one", async (_, snapshot) => {
  await using cluster = MemoryCluster.idle(1);
  const stateMachine = { apply: () => new Uint8Array(), snapshot, restore: () => undefined };
  const storage = newDirectory()();
  const member = await cluster.startMember(0, {
    storage,
    clock: systemClock,
    stateMachine,
    snapshots: often,
  });
  await submitAll(member, 100);
  await expect(member.replica.takeSnapshot()).rejects.toMatchObject({ code: "unavailable" });
  expect(member.lines.join("\n")).toMatch(/warn: no snapshot at seq \d+: the state machine fails: Error: no/);
  expect(member.replica.status().snapshot).toBeUndefined();
  await member.replica.submit(bytes("goes on"));
});

function fails(): never {
  throw new Error("no");
}

function* failsLater(): Iterable<Uint8Array> {
  yield bytes("a");
  throw new Error("no");
}

async function* failsLaterStill(): AsyncIterable<Uint8Array> {
  yield bytes("x".repeat(1000));
  await Promise.resolve();
  throw new Error("no");
}

test("a log that begins behind a snapshot needs a state machine that can be given it", async () => {
  await using cluster = MemoryCluster.idle(1);
  const open = newDirectory();
  const first = await cluster.startMember(0, { storage: open(), clock: systemClock });
  await first.replica.submit(bytes("one"));
  await first.replica.takeSnapshot();
  await first.replica.close();
  const stateMachine = { apply: () => new Uint8Array() };
  await expect(cluster.startMember(0, { storage: open(), stateMachine })).rejects.toMatchObject({
    name: "ConfigError",
    message: expect.stringContaining("restore"),
  });
});

test("closing in the midst of a snapshot leaves none, and the node starts as if there had been none", async () => {
  await using cluster = MemoryCluster.idle(1);
  const open = newDirectory();
  let letGo: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  class Slow extends RecordingMachine {
    override snapshot(): never {
      return this.#slowly() as never;
    }
    async *#slowly(): AsyncIterable<Uint8Array> {
      yield bytes("x".repeat(500));
      await gate;
      yield bytes("y");
    }
  }
  const first = await cluster.startMember(0, {
    storage: open(),
    clock: systemClock,
    stateMachine: new Slow(),
  });
  await first.replica.submit(bytes("one"));
  const taking = rejectionOf(first.replica.takeSnapshot());
  const closed = first.replica.close();
  letGo();
  expect(await taking).toMatchObject({ code: "unavailable" });
  await closed;
  const second = await cluster.startMember(0, { storage: open(), clock: systemClock });
  await second.replica.submit(bytes("two"));
  expect(second.machine.applied).toEqual(["one", "two"]);
  expect(second.replica.status().snapshot).toBeUndefined();
});
