// How long a cluster with the default configuration stands still when its leader is killed. To see the
// distribution over more kills: PAXOS_KILLS=20 pnpm test test/failover
import { randomBytes } from "node:crypto";

import { create } from "@bufbuild/protobuf";
import { expect, jest, test } from "@jest/globals";
import { ClientUpdateSchema } from "@paxos/proto";

import { type Cluster, withCluster } from "./cluster.js";
import { patient } from "./hosts.js";
import { newClientTransport } from "./transport.js";

const KILLS = Number(process.env["PAXOS_KILLS"] ?? 3);

jest.setTimeout(patient(60_000 + KILLS * 20_000));

test(`after kill -9 of the leader, updates are ordered again within ${patient(2)} s`, async () => {
  const times: number[] = [];
  await withCluster({}, async (cluster) => {
    for (let i = 0; i < KILLS; i++) {
      const leader = await cluster.leader();
      // By turns the next leader itself, and the one that has to find out who that is.
      times.push(await timeFailover(cluster, leader, (leader + 1 + (i % 2)) % 3));
      cluster.startServer(leader);
      await cluster.leader();
      await cluster.level(1);
    }
  });
  times.sort((a, b) => a - b);
  if (process.env["PAXOS_KILLS"] !== undefined) console.log(`ms from kill to answer: ${times.join(", ")}`);
  expect(times.at(-1)).toBeLessThan(patient(2_000));
});

/** Milliseconds from the kill to the answer to an update that was sent to a survivor at once. */
async function timeFailover(cluster: Cluster, leader: number, survivorId: number): Promise<number> {
  const transport = newClientTransport();
  const survivor = cluster.addresses[survivorId] ?? "";
  const update = create(ClientUpdateSchema, {
    clientId: randomBytes(8).readBigUInt64BE() | 1n,
    timestamp: 1n,
    update: Buffer.from("after the kill"),
  });
  try {
    await transport.status(survivor, AbortSignal.timeout(patient(10_000)));
    const before = performance.now();
    await cluster.kill(leader);
    await transport.clientUpdate(survivor, update, AbortSignal.timeout(patient(30_000)));
    return Math.round(performance.now() - before);
  } finally {
    await transport.close();
  }
}
