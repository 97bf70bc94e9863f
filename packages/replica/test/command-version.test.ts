// State machines that know different versions of their commands, in a rolling upgrade.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
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

/** Starts a node, on what it has stored before, as a release that knows commands up to this version. */
async function startRelease(cluster: MemoryCluster, id: number, commandVersion: number) {
  const stateMachine = Object.assign(new RecordingMachine(), { commandVersion });
  await cluster.startMember(id, {
    stateMachine,
    storage: classicLevelStorage({ directory: join(root, String(id)) }),
  });
  return stateMachine;
}

function versionsUsed({ members }: MemoryCluster): number[] {
  return members.map(({ replica }) => replica.commandVersion);
}

test("a version is used once the last node has been upgraded; no node goes back behind it", async () => {
  await using cluster = MemoryCluster.idle(3);
  for (const id of [0, 1, 2]) await startRelease(cluster, id, 1);
  await cluster.until(() => versionsUsed(cluster).every((version) => version === 1), "all use version 1");
  const machines: RecordingMachine[] = [];
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
