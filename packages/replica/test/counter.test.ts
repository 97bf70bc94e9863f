import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import { firstEpoch } from "@paxos/core";
import { startReplica } from "@paxos/replica";
import { MemoryStorage } from "@paxos/storage-level";
import { ConnectReplicaTransport } from "@paxos/transport-connect";

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map((s) => new Promise<number>((r) => s.listen(0, "127.0.0.1", () => r((s.address() as AddressInfo).port)))),
  );
  await Promise.all(servers.map((s) => new Promise((r) => s.close(r))));
  return ports;
}

test("three counters", async () => {
  const ports = await freePorts(3);
  const epochRecord = firstEpoch(ports.map((p) => `127.0.0.1:${p}`));
  const replicas = await Promise.all(
    [0, 1, 2].map((nodeId) => {
      let count = 0;
      return startReplica({
        nodeId,
        epochRecord,
        stateMachine: { apply: () => Uint8Array.of(++count) },
        storage: new MemoryStorage(),
        transport: new ConnectReplicaTransport(),
        logger: { verbose: false, debug() {}, info: (l) => console.log(nodeId, l), warn: (l) => console.log(nodeId, l), error: (l) => console.log(nodeId, l) },
      });
    }),
  );
  const results = await Promise.all(replicas.map((r) => r.submit(new Uint8Array())));
  expect(results.map((r) => r.result[0]).sort()).toEqual([1, 2, 3]);
  const t0 = performance.now();
  const N = 20000;
  await Promise.all(Array.from({ length: 64 }, async (_, i) => { for (let k = 0; k < N / 64; k++) await replicas[i % 3]!.submit(new Uint8Array(100)); }));
  console.log("per s", N / (performance.now() - t0) * 1000);
  await Promise.all(replicas.map((r) => r.close()));
}, 30000);
