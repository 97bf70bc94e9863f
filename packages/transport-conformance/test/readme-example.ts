import { create } from "@bufbuild/protobuf";
import { protocolVersions } from "@paxos/core";
import { AcceptSchema, MessageSchema } from "@paxos/proto";
import { MemoryNetwork, MemoryReplicaTransport, until } from "@paxos/transport-conformance";

const network = new MemoryNetwork();
const addresses = [network.freeAddress(), network.freeAddress()];
const received: number[] = [];

const nodes = addresses.map(() => new MemoryReplicaTransport(network));
for (const [nodeId, node] of nodes.entries()) {
  await node.start({
    identity: {
      clusterId: new Uint8Array(32),
      nodeId,
      storeId: BigInt(nodeId + 1),
      incarnation: 1n,
      saveHistory: new Uint8Array(),
      epochRecord: new Uint8Array(),
      address: addresses[nodeId] ?? "",
      protocolVersion: protocolVersions.newest,
      commandVersion: 0,
    },
    address: addresses[nodeId] ?? "",
    peers: addresses.flatMap((address, id) => (id === nodeId ? [] : [{ nodeId: id, address }])),
    onMessage: (from) => received.push(from),
    admit: () => undefined,
    onConnected: () => undefined,
    onDisconnected: () => undefined,
    onRefused: () => undefined,
  });
}

network.cut({ from: addresses[0] ?? "", to: addresses[1] ?? "" });
nodes[0]?.send(create(MessageSchema, { to: 1n, type: { case: "accept", value: create(AcceptSchema) } }));
network.heal();
await until(() => received.length === 1, "the message arrived");
console.log(`node 1 heard node ${received[0]}`);
await Promise.all(nodes.map((node) => node.close()));
