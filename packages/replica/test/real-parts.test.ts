// Replicas as they are shipped: on disk, over HTTP/2, with the machine's clock, serving clients of other processes.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import { ClientUpdateSchema, LogRequestSchema } from "@paxos/proto";
import { startReplica } from "@paxos/replica";
import { classicLevelStorage } from "@paxos/storage-level";
import { ConnectClientTransport, ConnectReplicaTransport } from "@paxos/transport-connect";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { bytes, RecordingMachine, text } from "./recording-machine.js";
import { until } from "./until.js";

test("clients of all replicas get their updates ordered once, and a replica that comes back catches up", async () => {
  const directory = await mkdtemp(join(tmpdir(), "replica-real-parts-"));
  const addresses = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
  const start = async (nodeId: number) => {
    const machine = new RecordingMachine();
    const transport = new ConnectReplicaTransport();
    const replica = await startReplica({
      nodeId,
      epochRecord: firstEpoch(addresses),
      stateMachine: machine,
      storage: classicLevelStorage({ directory: join(directory, String(nodeId)) }),
      transport,
      clientListener: transport,
    });
    return { replica, machine };
  };
  const members = await Promise.all([0, 1, 2].map(start));
  const client = new ConnectClientTransport();
  const { signal } = new AbortController();
  const send = (nodeId: number, timestamp: number) => {
    const update = create(ClientUpdateSchema, {
      clientId: 7n,
      timestamp: BigInt(timestamp),
      update: bytes(`${timestamp}`),
    });
    return client.clientUpdate(addresses[nodeId] ?? "", update, signal);
  };
  try {
    for (let i = 1; i <= 30; i++) expect(text((await send(i % 3, i)).result)).toBe(`${i}: ${i}`);
    await members[2]?.replica.close();
    for (let i = 31; i <= 60; i++) await send(i % 2, i);
    members[2] = await start(2);
    await until(() => members.every(({ machine }) => machine.applied.length === 60), "all level");
    for (const { machine } of members) expect(machine.applied).toEqual(members[0]?.machine.applied);
    expect(await send(2, 1)).toMatchObject({ duplicate: true });

    const logged: string[] = [];
    for await (const { entries } of client.log(addresses[2] ?? "", create(LogRequestSchema), signal)) {
      for (const { update, duplicate } of entries)
        if (!duplicate) logged.push(text(update?.update ?? bytes("")));
    }
    expect(logged).toEqual(members[2].machine.applied);
    expect(await client.status(addresses[2] ?? "", signal)).toMatchObject({
      nodeId: 2n,
      storesRecorded: true,
    });
  } finally {
    await client.close();
    await Promise.all(members.map(({ replica }) => replica.close()));
    await rm(directory, { recursive: true });
  }
});
