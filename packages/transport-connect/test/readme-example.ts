import { create } from "@bufbuild/protobuf";
import { protocolVersions } from "@paxos/core";
import {
  BackupPieceSchema,
  ChangeMembershipResponseSchema,
  ClientUpdateSchema,
  GloballyOrderedUpdateSchema,
  LogResponseSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  StatusResponseSchema,
  TakeSnapshotResponseSchema,
  TransferLeadershipResponseSchema,
} from "@paxos/proto";
import { ConnectClientTransport, ConnectReplicaTransport } from "@paxos/transport-connect";

// A replica hands its transport a handler and a context; this one stands in for it.
const transport = new ConnectReplicaTransport();
transport.serve({
  clientUpdate: (update) => Promise.resolve(create(GloballyOrderedUpdateSchema, { seq: 1n, update })),
  status: () => Promise.resolve(create(StatusResponseSchema, { nodeId: 0n })),
  async *log() {
    yield create(LogResponseSchema, { firstSeq: 1n });
  },
  takeSnapshot: () => Promise.resolve(create(TakeSnapshotResponseSchema, { seq: 2n })),
  async *backup() {
    yield create(BackupPieceSchema, { data: new TextEncoder().encode("all there is") });
  },
  query: ({ query }) => Promise.resolve(create(QueryResponseSchema, { seq: 1n, result: query })),
  members: () => Promise.resolve(create(MembersResponseSchema, { nodeId: 0n, leaderId: 0n })),
  changeMembership: () => Promise.resolve(create(ChangeMembershipResponseSchema)),
  transferLeadership: (to) =>
    Promise.resolve(create(TransferLeadershipResponseSchema, { leaderId: to ?? 0n })),
});
await transport.start({
  identity: {
    clusterId: new Uint8Array(32),
    nodeId: 0,
    storeId: 1n,
    incarnation: 1n,
    saveHistory: new Uint8Array(),
    epochRecord: new Uint8Array(),
    address: "127.0.0.1:0",
    protocolVersion: protocolVersions.newest,
    commandVersion: 0,
  },
  address: "127.0.0.1:0",
  peers: [],
  onMessage: (from, message) => console.log(`from node ${from}:`, message),
  admit: () => undefined,
  onConnected: (peer) => console.log(`connected to node ${peer.nodeId}`),
  onDisconnected: (peer, reason) => console.log(`lost node ${peer.nodeId}: ${reason}`),
  onRefused: (peer, refusal) => console.log(`refused by node ${peer.nodeId}: ${refusal.detail}`),
});

const client = new ConnectClientTransport();
const update = create(ClientUpdateSchema, {
  clientId: 7n,
  timestamp: 1n,
  update: new TextEncoder().encode("hello"),
});
const ordered = await client.clientUpdate(transport.address ?? "", update, AbortSignal.timeout(5000));
console.log(`ordered at seq ${ordered.seq}`);

await client.close();
await transport.close();
