// Storage that fails, or hangs: nothing more is promised, nothing acknowledged, the leader is another one soon.
import { StorageHealth } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";
import { turns } from "./until.js";

/** Ticks until this holds. */
async function ticksUntil(cluster: MemoryCluster, condition: () => boolean): Promise<number> {
  let ticks = 0;
  for (; !condition(); ticks++) {
    if (ticks > 5000) throw new Error("never");
    cluster.clock.tick();
    await turns(5);
  }
  return ticks;
}

test("a leader whose save fails resigns: the others do not wait for their timeout", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, ...others] = await cluster.roles();
  const { replica, storage } = cluster.member(leader);
  storage.hold();
  // The others accept it: it needs no save here to be ordered.
  await replica.submit(bytes("saved by the others"));
  for (const other of others) cluster.hub.cut(other, leader);
  const waiting = rejectionOf(replica.submit(bytes("never acknowledged")));
  await turns();
  storage.fail(new Error("no space left"));
  expect(await waiting).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("no space left"),
  });
  expect(await replica.storageFailed).toMatchObject({ message: "no space left" });
  expect(await replica.stopped).toMatchObject({ message: "no space left" });
  const ticks = await ticksUntil(cluster, () =>
    others.every((id) => {
      const { leaderId } = cluster.member(id).replica.status();
      return leaderId !== undefined && leaderId !== BigInt(leader);
    }),
  );
  // The progress timeout is 60 ticks and more.
  expect(ticks).toBeLessThan(40);
  expect(cluster.member(leader).lines.join("\n")).toMatch(/error: storage has failed: no space left/);
});

test("one that is to stay answers what it is asked, promises nothing, leads nothing, and lends its log", async () => {
  await using cluster = await MemoryCluster.start(3, { onStorageFailure: "stay" });
  const [leader, follower = -1, laggard = -1] = await cluster.roles();
  for (const other of [leader, follower]) cluster.hub.cut(other, laggard);
  await cluster.until(
    () => cluster.member(laggard).replica.status().leaderId === undefined,
    "laggard is cut off",
  );
  const failed = cluster.member(follower);
  failed.storage.hold();
  failed.storage.fail(new Error("broken"));
  void failed.replica.submit(bytes("x")).catch(() => undefined);
  await cluster.until(() => failed.replica.status().storageHealth === StorageHealth.FAILED, "failed");
  expect(failed.replica.status()).toMatchObject({ storageDetail: "broken" });
  await expect(failed.replica.submit(bytes("y"))).rejects.toMatchObject({ code: "unavailable" });
  await expect(failed.replica.takeSnapshot()).rejects.toMatchObject({ code: "unavailable" });
  const sent: (string | undefined)[] = [];
  cluster.hub.onSend = ({ from, type }) => {
    if (from === BigInt(follower)) sent.push(type.case);
  };
  // Without it and the laggard there is no quorum.
  const waiting = cluster.member(leader).replica.submit(bytes("needs a quorum"));
  let ordered = false;
  void waiting.then(
    () => (ordered = true),
    () => undefined,
  );
  await ticksUntil(cluster, () => sent.filter((kind) => kind === "heartbeat").length > 60);
  expect(ordered).toBe(false);
  expect([...new Set(sent)].filter((kind) => kind !== "heartbeat" && kind !== "catchUpAnswer")).toEqual([]);
  // With the laggard there is one.
  cluster.hub.heal();
  await cluster.until(() => ordered, "ordered without it");
});

test("a save that hangs is told, in log and status, and so is its end", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader] = await cluster.roles();
  const { replica, storage, lines } = cluster.member(leader);
  storage.hold();
  await replica.submit(bytes("saved by the others"));
  await cluster.until(() => replica.status().storageHealth === StorageHealth.STUCK, "stuck");
  expect(replica.status().storageDetail).toBe("a save does not finish");
  expect(lines.join("\n")).toMatch(/warn: storage has not finished a save for 60 ticks/);
  storage.release();
  await cluster.until(() => replica.status().storageHealth === StorageHealth.OK, "goes on");
  await cluster.until(() => lines.includes("info: storage saves again"), "told");
});

test("one that hangs for longer than it may counts as failed, and does not keep the replica from closing", async () => {
  await using cluster = await MemoryCluster.start(1, { saveTimeoutMs: 3000 });
  const { replica, storage } = cluster.member(0);
  storage.hold();
  const waiting = rejectionOf(replica.submit(bytes("hangs")));
  await turns();
  let stopped: Error | undefined;
  void replica.stopped.then((error) => (stopped = error));
  await ticksUntil(cluster, () => stopped !== undefined);
  expect(stopped).toMatchObject({ message: "storage has not finished a save for 3 s" });
  expect(await waiting).toMatchObject({ code: "unavailable" });
  // What hung and ends later changes nothing.
  storage.release();
  await replica.close();
});

test("a snapshot whose writing hangs does not keep a replica whose storage has failed from closing", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { replica, storage } = cluster.member(0);
  let writes = false;
  storage.writeSnapshot = () => {
    writes = true;
    return new Promise(() => undefined);
  };
  void replica.takeSnapshot().catch(() => undefined);
  await cluster.until(() => writes, "a snapshot is being written");
  storage.hold();
  storage.fail(new Error("broken"));
  void replica.submit(bytes("x")).catch(() => undefined);
  expect(await replica.stopped).toMatchObject({ message: "broken" });
  await replica.close();
  expect(storage.closed).toBe(true);
});

test("a bound that is none is refused", async () => {
  await using cluster = MemoryCluster.idle(1);
  await expect(cluster.startMember(0, { saveTimeoutMs: -1 })).rejects.toMatchObject({ name: "ConfigError" });
  await expect(cluster.startMember(0, { snapshots: { chunkBytes: 1 } })).rejects.toThrow(
    "snapshots.chunkBytes is 1; allowed is 16 to 8388608",
  );
});
