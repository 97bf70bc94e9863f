// Two releases of a state machine on a cluster that is upgraded while it runs.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { connect } from "@paxos/client";
import { firstEpoch, RequestError } from "@paxos/core";
import { clientOf } from "@paxos/machine";
import { startReplica } from "@paxos/replica";
import { classicLevelStorage } from "@paxos/storage-level";
import { ConnectClientTransport, ConnectReplicaTransport } from "@paxos/transport-connect";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { first, second } from "./registers.js";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "machine-upgrade-"));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

test("a new command is refused until the last node is upgraded, then taken; values stay", async () => {
  const servers = (await freePorts(2)).map((port) => `127.0.0.1:${port}`);
  const start = (nodeId: number, release: typeof first | typeof second) => {
    const transport = new ConnectReplicaTransport();
    return startReplica({
      nodeId,
      epochRecord: firstEpoch(servers),
      stateMachine: release.create(),
      storage: classicLevelStorage({ directory: join(root, String(nodeId)) }),
      transport,
      clientListener: transport,
    });
  };
  const replicas = await Promise.all([start(0, first), start(1, first)]);
  const connection = connect({ servers, transport: new ConnectClientTransport() });
  try {
    await clientOf(first, connection).put({ key: "a", value: "1" });
    await replicas[1].close();
    replicas[1] = await start(1, second);
    const client = clientOf(second, connection);
    await expect(client.clear()).rejects.toMatchObject({ code: "refused" });
    await expect(client.put({ key: "b", value: "2" })).rejects.toMatchObject({ code: "refused" });
    expect((await client.size()).result).toBe(1);

    await replicas[0].close();
    replicas[0] = await start(0, second);
    // The cluster needs a moment to know it.
    for (;;) {
      try {
        expect((await client.put({ key: "a", value: "3", keep: true })).result.kept).toBe(true);
        break;
      } catch (error) {
        if (!(error instanceof RequestError) || error.code !== "refused") throw error;
      }
    }
    expect((await client.get({ key: "a" })).result).toBe("1");
    expect((await clientOf(first, connection).put({ key: "a", value: "4" })).result.seq).toBeGreaterThan(0);
    await client.clear();
    expect((await client.size()).result).toBe(0);
  } finally {
    await connection.close();
    await Promise.all(replicas.map((replica) => replica.close()));
  }
});
