// State machines that know different versions of their commands, in a rolling upgrade.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Clock, StateMachine } from "@paxos/core";
import type { EpochRecord } from "@paxos/proto";
import { systemClock } from "@paxos/replica";
import { classicLevelStorage } from "@paxos/storage-level";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes, RecordingMachine } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "replica-command-version-"));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

/** Records at which seq which version was in use, beside a machine that records the rest. */
class VersionedMachine implements StateMachine {
  readonly versions: string[] = [];
  readonly #machine = new RecordingMachine();

  constructor(readonly commandVersion: number) {}

  get applied(): readonly string[] {
    return this.#machine.applied;
  }

  apply(update: Uint8Array, seq: number, version: number): Uint8Array {
    this.versions.push(`${seq}: ${version}`);
    return this.#machine.apply(update, seq);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#machine.snapshot();
  }

  restore(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#machine.restore(pieces);
  }
}

/** Starts a node, on what it has stored before, as a release that knows commands up to this version. */
async function startRelease(
  cluster: MemoryCluster,
  id: number,
  commandVersion: number,
  clock: Clock = cluster.clock,
) {
  const stateMachine = new VersionedMachine(commandVersion);
  const storage = classicLevelStorage({ directory: join(root, String(id)) });
  await cluster.startMember(id, { stateMachine, storage, clock });
  return stateMachine;
}

function versionsUsed({ members }: MemoryCluster): number[] {
  return members.map(({ replica }) => replica.commandVersion);
}

test("a version is used once the last node has been upgraded; no node goes back behind it", async () => {
  await using cluster = MemoryCluster.idle(3);
  for (const id of [0, 1, 2]) await startRelease(cluster, id, 1);
  await cluster.until(() => versionsUsed(cluster).every((version) => version === 1), "all use version 1");
  const machines: VersionedMachine[] = [];
  const before: number[][] = [];
  for (const id of [0, 1, 2]) {
    await cluster.member(id).replica.close();
    machines.push(await startRelease(cluster, id, 2));
    await cluster.elect();
    await cluster.member(id).replica.submit(bytes(`after the upgrade of ${id}`));
    await cluster.heartbeats();
    before.push(versionsUsed(cluster));
  }
  await cluster.until(() => versionsUsed(cluster).every((version) => version === 2), "all use version 2");
  expect(before.slice(0, 2)).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ]);
  expect(await cluster.member(0).handler.members()).toMatchObject({
    epochRecord: { epoch: 2n, commandVersion: 2 },
  });
  expect(cluster.member(0).replica.status()).toMatchObject({ protocolVersion: 2, commandVersion: 2 });

  const leader = await cluster.elect();
  const follower = (leader + 1) % 3;
  await cluster.member(follower).replica.close();
  expect(await rejectionOf(startRelease(cluster, follower, 1))).toMatchObject({
    name: "ConfigError",
    message:
      "epoch 2 uses version 2 of the state machine's commands, this node knows them up to version 1; run a release that knows version 2",
  });
  machines[follower] = await startRelease(cluster, follower, 3);
  await cluster.elect();
  await cluster.until(() => machines.every(({ applied }) => applied.length === 3), "all have applied it all");
  for (const { applied } of machines) expect(applied).toEqual(machines[0]?.applied);
});

test("a version that is no whole number from 0 on is refused at the start", async () => {
  await using cluster = MemoryCluster.idle(1);
  for (const version of [-1, 1.5, 2 ** 32]) {
    expect(await rejectionOf(startRelease(cluster, 0, version))).toMatchObject({
      name: "ConfigError",
      message: `commandVersion is ${version}; allowed is an integer from 0 to 4294967295`,
    });
  }
});

test("each update is applied with the version in use at its seq: by all, when it is new, replayed, behind a snapshot, or by who joins", async () => {
  await using cluster = MemoryCluster.idle(3);
  const machines: VersionedMachine[] = [];
  const submit = async (update: string) => {
    // An epoch may begin meanwhile, and takes what comes then only when it has.
    const submitted = cluster.member(await cluster.elect()).replica.submit(bytes(update));
    await cluster.until(() => machines.every(({ applied }) => applied.includes(update)), "all apply it");
    await submitted;
  };
  for (const id of [0, 1, 2]) machines.push(await startRelease(cluster, id, 0, systemClock));
  await submit("without versions");
  // Upgraded one after another; the last one brings the version.
  for (const id of [0, 1, 2]) {
    await cluster.member(id).replica.close();
    machines[id] = await startRelease(cluster, id, 4, systemClock);
    await submit(`after the upgrade of ${id}`);
  }
  await cluster.until(() => versionsUsed(cluster).every((version) => version === 4), "all use version 4");
  await submit("in version 4");

  const { replica, handler } = cluster.member(await cluster.elect());
  let epochRecord: EpochRecord | undefined;
  const change = { case: "addLearner", value: { nodeId: 3n, address: "node-3:2346" } } as const;
  void replica.changeMembership({ type: change }).then((record) => (epochRecord = record));
  await cluster.until(() => epochRecord !== undefined, "node 3 belongs to it");
  const { clusterId } = await handler.members();
  const joined = new VersionedMachine(4);
  await cluster.startMember(3, {
    clock: systemClock,
    stateMachine: joined,
    ...(epochRecord && { epochRecord }),
    clusterId,
  });
  await cluster.until(() => joined.applied.length === machines[0]?.applied.length, "it has the whole log");
  const [first = "", ...rest] = joined.versions;
  expect(first.endsWith(": 0")).toBe(true);
  expect(rest.at(-1)?.endsWith(": 4")).toBe(true);

  await replica.takeSnapshot();
  await submit("behind the snapshot");
  await cluster.until(() => joined.applied.includes("behind the snapshot"), "the new member applies it");
  for (const id of [0, 1, 2]) {
    const before = machines[id]?.versions ?? [];
    expect(joined.versions.slice(-before.length)).toEqual(before);
    await cluster.member(id).replica.close();
    machines[id] = await startRelease(cluster, id, 4, systemClock);
    await submit(`after the restart of ${id}`);
    // What a node applies again it applies as it did, whether from its log's beginning or behind its snapshot.
    const again = machines[id]?.versions ?? [];
    await cluster.until(() => joined.versions.at(-1) === again.at(-1), "the new member is level");
    expect(again).toEqual(joined.versions.slice(-again.length));
  }
});
