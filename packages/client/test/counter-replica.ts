// Replicas of a counter, over real connections.
import { createServer, type AddressInfo } from "node:net";
import type { MembersResponse } from "@paxos/proto";
import { startReplica, type Replica } from "@paxos/replica";
import { MemoryStorage } from "@paxos/storage-level";
import { ConnectReplicaTransport } from "@paxos/transport-connect";

/** Starts a member of that cluster, whose state is the sum of the first bytes of all updates. */
export function startCounter(
  nodeId: number,
  cluster: Pick<MembersResponse, "epochRecord"> & { readonly clusterId?: Uint8Array },
): Promise<Replica> {
  const { epochRecord, clusterId } = cluster;
  if (epochRecord === undefined) throw new Error("the members are not known");
  let count = 0;
  const transport = new ConnectReplicaTransport();
  return startReplica({
    nodeId,
    epochRecord,
    ...(clusterId === undefined ? {} : { clusterId }),
    stateMachine: {
      apply: (update) => Uint8Array.of((count += update[0] ?? 0)),
      snapshot: () => [Uint8Array.of(count)],
      restore: async (pieces) => {
        for await (const piece of pieces) [count = 0] = piece;
      },
    },
    storage: new MemoryStorage(),
    transport,
    clientListener: transport,
  });
}

/** Addresses at which nobody listens. Held together until all are known, so that they differ. */
export async function freeAddresses(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))),
  );
  const addresses = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return addresses;
}
