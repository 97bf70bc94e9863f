// A replica that starts again on the storage it left: what was ordered is applied again, before anything new.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { ClientHandler } from "@paxos/core";
import { ClientUpdateSchema, UpdateKind } from "@paxos/proto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { systemClock } from "@paxos/replica";
import { classicLevelStorage } from "@paxos/storage-level";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes, text } from "./recording-machine.js";
import { until } from "./until.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "replica-restart-"));
});
afterAll(() => rm(root, { recursive: true }));

let directories = 0;
function newDirectory(): () => ReturnType<typeof classicLevelStorage> {
  const directory = join(root, String(directories++));
  return () => classicLevelStorage({ directory });
}

test("everything is replayed into a fresh state machine before new updates", async () => {
  await using cluster = MemoryCluster.idle(1);
  const open = newDirectory();
  const first = await cluster.startMember(0, { storage: open(), clock: systemClock });
  await Promise.all(Array.from({ length: 300 }, (_, i) => first.replica.submit(bytes(`${i}`))));
  await first.replica.close();

  // Little at a time, so that the replay takes many reads.
  const tuning = { catchUpBytes: 512 };
  const second = await cluster.startMember(0, { storage: open(), clock: systemClock, tuning });
  const { result } = await second.replica.submit(bytes("new"));
  expect(text(result)).toBe("301: new");
  expect(second.machine.applied).toEqual([...first.machine.applied, "new"]);
  expect(second.machine.seqs.slice(0, -1)).toEqual(first.machine.seqs);
});

test("a session is known again, with its answers, and its old updates are expired as before", async () => {
  await using cluster = MemoryCluster.idle(1);
  const open = newDirectory();
  const first = await cluster.startMember(0, { storage: open(), clock: systemClock });
  const registration = create(ClientUpdateSchema, { clientId: 7n, kind: UpdateKind.REGISTER });
  const { seq: session } = await first.handler.clientUpdate(registration, new AbortController().signal);
  const request = (handler: ClientHandler, timestamp: bigint, answeredUpTo = 0n) =>
    handler.clientUpdate(
      create(ClientUpdateSchema, { clientId: 7n, timestamp, session, answeredUpTo, update: bytes("x") }),
      new AbortController().signal,
    );
  for (const timestamp of [1n, 2n]) await request(first.handler, timestamp);
  const third = await request(first.handler, 3n, 1n);
  await first.replica.close();

  const { handler, machine } = await cluster.startMember(0, { storage: open(), clock: systemClock });
  expect(await request(handler, 4n)).toMatchObject({ duplicate: false });
  expect(await request(handler, 3n)).toMatchObject({ seq: third.seq, result: third.result, duplicate: true });
  await expect(request(handler, 1n)).rejects.toMatchObject({ code: "expired" });
  expect(await handler.clientUpdate(registration, new AbortController().signal)).toMatchObject({
    seq: session,
    duplicate: true,
  });
  expect(machine.applied).toEqual(["x", "x", "x", "x"]);
});

test("an answer given before the restart is given again, even to who asks while the replay is still to come", async () => {
  await using cluster = MemoryCluster.idle(1);
  const open = newDirectory();
  const first = await cluster.startMember(0, { storage: open(), clock: systemClock });
  const answer = await cluster.request(0, 7n, 1n);
  const [oldest] = await Promise.all(
    Array.from({ length: 2048 }, (_, i) => cluster.request(0, 8n, BigInt(i + 1))),
  );
  await first.replica.close();

  const second = await cluster.startMember(0, { storage: open(), clock: systemClock });
  expect(second.replica.status().appliedSeq).toBe(0n);
  const [again, oldestAgain] = await Promise.all([cluster.request(0, 7n, 1n), cluster.request(0, 8n, 1n)]);
  expect(again).toMatchObject({ seq: answer.seq, result: answer.result });
  expect(oldestAgain).toMatchObject({ seq: oldest?.seq, result: oldest?.result });
  // After the replay, sessions remember what they did before it, and no more.
  await cluster.request(0, 9n, 1n);
  expect(await cluster.request(0, 7n, 1n)).toMatchObject({ seq: answer.seq, duplicate: true });
  await expect(cluster.request(0, 8n, 1n)).rejects.toMatchObject({ code: "expired" });
  expect(second.machine.applied).toEqual([...first.machine.applied, "9/1"]);
});

test("a member that comes back catches up with what was ordered without it", async () => {
  await using cluster = MemoryCluster.idle(3);
  const open = newDirectory();
  for (const id of [0, 1]) await cluster.startMember(id, { clock: systemClock });
  const before = await cluster.startMember(2, { storage: open(), clock: systemClock });
  await before.replica.submit(bytes("before"));
  await before.replica.close();

  const { replica, machine } = cluster.member(0);
  await Promise.all(Array.from({ length: 100 }, (_, i) => replica.submit(bytes(`${i}`))));
  const after = await cluster.startMember(2, { storage: open(), clock: systemClock });
  await until(() => after.machine.applied.length === 101, "caught up");
  expect(after.machine.applied).toEqual(machine.applied);
  expect(after.machine.seqs).toEqual(machine.seqs);
  await after.replica.submit(bytes("after"));
  expect(after.machine.applied.at(-1)).toBe("after");
});

test("all members at once", async () => {
  await using cluster = MemoryCluster.idle(3);
  const opens = [newDirectory(), newDirectory(), newDirectory()];
  const startAll = () =>
    Promise.all(opens.map((open, id) => cluster.startMember(id, { storage: open(), clock: systemClock })));
  const first = await startAll();
  await Promise.all(
    first.flatMap(({ replica }, id) => [1, 2, 3].map((i) => replica.submit(bytes(`${id}-${i}`)))),
  );
  await until(() => first.every(({ machine }) => machine.applied.length === 9), "applied by all");
  await Promise.all(first.map(({ replica }) => replica.close()));

  const second = await startAll();
  const { result } = await second[0]!.replica.submit(bytes("new"));
  expect(text(result)).toBe("10: new");
  await until(() => second.every(({ machine }) => machine.applied.length === 10), "applied by all");
  for (const { machine } of second)
    expect(machine.applied).toEqual([...(first[0]?.machine.applied ?? []), "new"]);
});

test("storage of another node is refused with a ConfigError, and is closed again", async () => {
  await using cluster = MemoryCluster.idle(2);
  const open = newDirectory();
  for (const id of [0, 1])
    await cluster.startMember(id, { ...(id === 0 ? { storage: open() } : {}), clock: systemClock });
  await cluster.member(0).replica.submit(bytes("one"));
  await cluster.member(0).replica.close();
  await expect(cluster.startMember(0, { nodeId: 1, storage: open() })).rejects.toMatchObject({
    name: "ConfigError",
    message: expect.stringContaining("belongs to node 0"),
  });
  // A directory has one user at a time: it could not be opened if it were still open.
  const again = open();
  await again.load();
  await again.close();
});

test("a node that introduces itself again is no older copy, whichever process of it was heard last", async () => {
  await using cluster = await MemoryCluster.start(3);
  const peer = cluster.hub.context(1);
  const { identity } = cluster.hub.context(0);
  // The last words of the process before, which had made no save and comes late.
  const late = { ...identity, incarnation: identity.incarnation ^ 1n };
  expect(peer.admit(late)).toBeUndefined();
  await cluster.members[0]?.replica.submit(bytes("a"));
  await cluster.until(
    () => cluster.members.every(({ machine }) => machine.applied.length === 1),
    "applied by all",
  );
  expect(peer.admit(identity)).toBeUndefined();
  expect(peer.admit({ ...late, incarnation: 5n })).toMatchObject({ reason: "store" });
});
