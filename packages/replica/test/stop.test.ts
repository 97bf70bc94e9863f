// How a replica ends: closed, or stopped by what it cannot go on without.
import { expect, test } from "@jest/globals";
import { ConfigError, type Transport } from "@paxos/core";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";
import { turns } from "./until.js";

test("close rejects who waits as unavailable, closes transport and storage, and resolves stopped with undefined", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, ...followers] = await cluster.roles();
  const { replica, storage } = cluster.member(leader);
  for (const id of followers) cluster.hub.cut(id, leader);
  const waiting = rejectionOf(replica.submit(bytes("never ordered here")));
  await turns();
  await replica.close();
  expect(await waiting).toMatchObject({ name: "RequestError", code: "unavailable" });
  expect(await replica.stopped).toBeUndefined();
  expect(cluster.hub.isConnected(leader)).toBe(false);
  expect(storage.closed).toBe(true);
  expect(cluster.clock.listeners).toBe(2);
  await expect(replica.submit(bytes("late"))).rejects.toMatchObject({ code: "unavailable" });
  expect(Number(replica.status().nodeId)).toBe(leader);
});

test("close may be called again and at the same time", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { replica } = cluster.member(0);
  await Promise.all([replica.close(), replica.close(), replica[Symbol.asyncDispose]()]);
  await replica.close();
  expect(await replica.stopped).toBeUndefined();
});

test("close waits for the save under way, and sends nothing that depends on it", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1] = await cluster.roles();
  const { replica, storage } = cluster.member(follower);
  storage.hold();
  await cluster.member(leader).replica.submit(bytes("one"));
  await turns();
  expect(storage.underWay).toBe(1);
  let sent = 0;
  cluster.hub.onSend = ({ from }) => {
    if (from === BigInt(follower)) sent++;
  };
  let closed = false;
  const closing = replica.close().then(() => (closed = true));
  await turns();
  expect(closed).toBe(false);
  expect(storage.closed).toBe(false);
  storage.release();
  await closing;
  expect(storage.underWay).toBe(0);
  expect(sent).toBe(0);
});

test("a save that fails stops the replica for good", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { replica, storage, machine } = cluster.member(0);
  storage.hold();
  const waiting = rejectionOf(replica.submit(bytes("not durable")));
  await turns();
  const begun = storage.begun.length;
  const error = new Error("no space left on the device");
  storage.fail(error);
  expect(await waiting).toMatchObject({ name: "RequestError", code: "unavailable" });
  expect(await replica.stopped).toBe(error);
  await replica.close();
  expect(storage.begun).toHaveLength(begun);
  expect(storage.closed).toBe(true);
  expect(cluster.hub.isConnected(0)).toBe(false);
  expect(cluster.clock.listeners).toBe(0);
  expect(machine.applied).toEqual([]);
  await expect(replica.submit(bytes("late"))).rejects.toMatchObject({ code: "unavailable" });
});

test("the promises of a save that fails are never sent, and the others go on", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1, other = -1] = await cluster.roles();
  const { replica, storage } = cluster.member(follower);
  storage.hold();
  await cluster.member(leader).replica.submit(bytes("one"));
  await turns();
  const kinds: (string | undefined)[] = [];
  cluster.hub.onSend = ({ from, type }) => {
    if (from === BigInt(follower)) kinds.push(type.case);
  };
  storage.fail(new Error("disk"));
  expect(await replica.stopped).toMatchObject({ message: "disk" });
  await cluster.member(other).replica.submit(bytes("two"));
  await cluster.until(() => cluster.member(leader).machine.applied.length === 2, "applied by both");
  expect(cluster.member(leader).machine.applied).toEqual(["one", "two"]);
  // It only says that it is of no use any more.
  expect(new Set(kinds)).toEqual(new Set(["heartbeat"]));
});

test("a read that fails stops the replica", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1, laggard = -1] = await cluster.roles();
  cluster.hub.cut(leader, laggard);
  cluster.hub.cut(follower, laggard);
  await cluster.member(leader).replica.submit(bytes("missed"));
  const error = new Error("checksum");
  cluster.member(follower).storage.read = () => Promise.reject(error);
  cluster.hub.heal();
  let stopped: Error | undefined;
  void cluster.member(follower).replica.stopped.then((reason) => (stopped = reason));
  await cluster.until(() => stopped !== undefined, "stopped");
  expect(stopped).toBe(error);
});

test("a state machine that throws stops the replica, and what it was given is not acknowledged", async () => {
  const error = new Error("cannot apply this");
  const stateMachine = {
    apply: (): Uint8Array => {
      throw error;
    },
  };
  await using cluster = await MemoryCluster.start(1, { stateMachine });
  const { replica, storage } = cluster.member(0);
  await expect(replica.submit(bytes("poison"))).rejects.toMatchObject({ code: "unavailable" });
  expect(await replica.stopped).toBe(error);
  await replica.close();
  expect(storage.closed).toBe(true);
  expect(cluster.hub.isConnected(0)).toBe(false);
});

test("a refusal for its storage stops the replica with a ConfigError; other refusals are only logged", async () => {
  await using cluster = await MemoryCluster.start(3);
  const { replica, lines } = cluster.member(0);
  const context = cluster.hub.context(0);
  const peer = { nodeId: 1, address: "node-1:2346" };
  for (const reason of ["protocol_version", "cluster", "node"] as const) {
    context.onRefused(peer, { reason, detail: `because of the ${reason}` });
    expect(lines.at(-1)).toBe(`warn: refused by node 1 at node-1:2346: because of the ${reason}`);
  }
  await replica.submit(bytes("still there"));
  context.onRefused(peer, { reason: "store", detail: "replace the member" });
  const error = await replica.stopped;
  expect(error).toBeInstanceOf(ConfigError);
  expect(error?.message).toBe("refused by node 1 at node-1:2346: replace the member");
});

test("a member that comes back with emptied storage is refused and stops; the others go on (safety rule 8)", async () => {
  await using cluster = await MemoryCluster.start(3);
  await cluster.until(
    () => cluster.members.every(({ replica }) => replica.status().storesRecorded),
    "recorded",
  );
  await cluster.member(2).replica.close();
  const { replica } = await cluster.startMember(2);
  const error = await replica.stopped;
  expect(error).toBeInstanceOf(ConfigError);
  expect(error?.message).toMatch(/replace the member/);
  let ordered = false;
  const submitted = cluster
    .member(0)
    .replica.submit(bytes("without it"))
    .then(() => (ordered = true));
  await cluster.until(() => ordered, "ordered");
  await submitted;
});

function idleTransport(start: Transport["start"]): Transport & { closed: number } {
  const transport = {
    closed: 0,
    start,
    setPeers: () => undefined,
    send: () => undefined,
    counters: () => ({}),
    close: () => Promise.resolve(void transport.closed++),
  };
  return transport;
}

test("a refusal that comes before the transport has started leaves nothing behind", async () => {
  const transport = idleTransport((context) => {
    context.onRefused(
      { nodeId: 1, address: "node-1:2346" },
      { reason: "store", detail: "replace the member" },
    );
    return Promise.resolve();
  });
  const cluster = MemoryCluster.idle(2);
  const started = await cluster.startMember(0, { transport }).then(
    ({ replica }) => replica.stopped,
    (error: unknown) => error,
  );
  expect(started).toBeInstanceOf(ConfigError);
  expect(transport.closed).toBeGreaterThan(0);
  expect(cluster.clock.listeners).toBe(0);
});

test("when the transport cannot start, startReplica rejects with its reason and leaves nothing open", async () => {
  const error = new Error("port in use");
  const transport = idleTransport(() => Promise.reject(error));
  const cluster = MemoryCluster.idle(1);
  await expect(cluster.startMember(0, { transport })).rejects.toBe(error);
  expect(transport.closed).toBe(1);
  expect(cluster.clock.listeners).toBe(0);
});

test("a configuration that cannot be is rejected with a ConfigError that names the value", async () => {
  const cluster = MemoryCluster.idle(2);
  await expect(cluster.startMember(0, { nodeId: 5 })).rejects.toThrow(
    new ConfigError("nodeId is 5; allowed is one of 0, 1"),
  );
  await expect(cluster.startMember(0, { tuning: { windowUpdates: 0 } })).rejects.toThrow(
    /windowUpdates is 0/,
  );
  expect(cluster.clock.listeners).toBe(0);
});
