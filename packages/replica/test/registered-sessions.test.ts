// Sessions as a client sees them, through any node: registered once, executed once, expired for ever when forgotten.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ClientUpdateSchema, LogRequestSchema, UpdateKind, type GloballyOrderedUpdate } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes } from "./recording-machine.js";

type Fields = MessageInitShape<typeof ClientUpdateSchema>;

const never = new AbortController().signal;

function send(cluster: MemoryCluster, node: number, fields: Fields): Promise<GloballyOrderedUpdate> {
  const update = bytes(`${fields.clientId}/${fields.timestamp}`);
  return cluster.member(node).handler.clientUpdate(create(ClientUpdateSchema, { update, ...fields }), never);
}

function register(cluster: MemoryCluster, node: number, clientId: bigint): Promise<GloballyOrderedUpdate> {
  return send(cluster, node, { clientId, kind: UpdateKind.REGISTER, update: new Uint8Array() });
}

test("a registration through several nodes at once gives one session, which all of them know", async () => {
  await using cluster = await MemoryCluster.start(3);
  const answers = await Promise.all([0, 1, 2].map((node) => register(cluster, node, 7n)));
  const [session = 0n, ...others] = new Set(answers.map(({ seq }) => seq));
  expect(others).toEqual([]);
  for (const node of [0, 1, 2]) {
    const timestamp = BigInt(node + 1);
    expect(await send(cluster, node, { clientId: 7n, timestamp, session })).toMatchObject({
      duplicate: false,
    });
  }
  const again = await register(cluster, 2, 7n);
  expect(again).toMatchObject({ seq: session, duplicate: true });
  await cluster.until(
    () => cluster.members.every(({ machine }) => machine.applied.length === 3),
    "all applied",
  );
  for (const { machine } of cluster.members)
    expect(machine.applied.toSorted()).toEqual(["7/1", "7/2", "7/3"]);
});

test("a node that does not know the session yet has the update ordered behind its registration", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, laggard = -1, other = -1] = await cluster.roles();
  for (const from of [leader, other]) cluster.hub.cut(from, laggard);
  const { seq: session } = await register(cluster, leader, 7n);
  const late = send(cluster, laggard, { clientId: 7n, timestamp: 1n, session });
  await cluster.until(() => cluster.member(leader).machine.applied.length === 1, "executed");
  cluster.hub.heal();
  await cluster.until(() => cluster.member(laggard).machine.applied.length === 1, "the laggard is level");
  expect(await late).toMatchObject({ seq: expect.any(BigInt) });
});

test("an update under a session that nobody has registered is expired, and not executed", async () => {
  await using cluster = await MemoryCluster.start(3);
  const { seq } = await register(cluster, 0, 7n);
  for (const [clientId, session] of [
    [7n, seq + 1n],
    [8n, seq],
  ] as const) {
    await expect(send(cluster, 1, { clientId, timestamp: 1n, session })).rejects.toMatchObject({
      code: "expired",
    });
  }
  for (const { machine } of cluster.members) expect(machine.applied).toEqual([]);
});

test("registrations are no entries of the log", async () => {
  await using cluster = await MemoryCluster.start(1);
  const { seq: session } = await register(cluster, 0, 7n);
  await send(cluster, 0, { clientId: 7n, timestamp: 1n, session });
  const entries: GloballyOrderedUpdate[] = [];
  const enough = new AbortController();
  const read = async (): Promise<void> => {
    const log = cluster.member(0).handler.log(create(LogRequestSchema, { follow: true }), enough.signal);
    for await (const piece of log) entries.push(...piece.entries);
  };
  const reading = read();
  // Another one behind it: what is missing does not come later.
  await send(cluster, 0, { clientId: 7n, timestamp: 2n, session });
  await cluster.until(() => entries.length >= 2, "both are in the log");
  enough.abort();
  await reading;
  expect(entries.map(({ update }) => update?.timestamp)).toEqual([1n, 2n]);
});

test.each<[string, Fields]>([
  ["client id 0", { clientId: 0n, timestamp: 1n }],
  ["a registration with a timestamp", { clientId: 7n, timestamp: 1n, kind: UpdateKind.REGISTER }],
  ["a registration under a session", { clientId: 7n, session: 3n, kind: UpdateKind.REGISTER }],
  [
    "a registration with content",
    { clientId: 7n, timestamp: 0n, kind: UpdateKind.REGISTER, update: Uint8Array.of(1) },
  ],
  ["an update with the registration's timestamp", { clientId: 7n, timestamp: 0n }],
  ["an unknown kind", { clientId: 7n, timestamp: 1n, kind: 77 as UpdateKind }],
  ["a timestamp of 0 under a session", { clientId: 7n, timestamp: 0n, session: 3n }],
  [
    "a timestamp that the client has had the answer to",
    { clientId: 7n, timestamp: 5n, session: 3n, answeredUpTo: 5n },
  ],
  ["a timestamp above the window", { clientId: 7n, timestamp: 1030n, session: 3n, answeredUpTo: 5n }],
])("%s is invalid, and takes no place in the order", async (_, fields) => {
  await using cluster = await MemoryCluster.start(1);
  const before = cluster.member(0).replica.status().localAru;
  await expect(send(cluster, 0, fields)).rejects.toMatchObject({ code: "invalid" });
  await expect(send(cluster, 0, { clientId: 9n, timestamp: 1n })).resolves.toMatchObject({
    seq: before + 1n,
  });
});

test("answers name the leader, through whichever node they come", async () => {
  await using cluster = await MemoryCluster.start(3);
  const leader = await cluster.elect();
  for (const node of [0, 1, 2]) {
    const answer = await send(cluster, node, { clientId: 7n, timestamp: BigInt(node + 1) });
    expect(answer.leaderId).toBe(BigInt(leader));
  }
});
