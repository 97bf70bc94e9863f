// The yardstick of the cluster: the same client service on the same transport, answering at once, with
// nothing behind it.
import { create } from "@bufbuild/protobuf";
import { protocolVersions, RequestError } from "@paxos/core";
import {
  GloballyOrderedUpdateSchema,
  MembersResponseSchema,
  QueryResponseSchema,
  StatusResponseSchema,
} from "@paxos/proto";
import { newReplicaTransport, type TransportName } from "./transports.js";

const transport = newReplicaTransport(process.argv[2] as TransportName);
let seq = 0n;
transport.serve({
  clientUpdate: (update) => Promise.resolve(create(GloballyOrderedUpdateSchema, { seq: ++seq, update })),
  query: () => Promise.resolve(create(QueryResponseSchema)),
  log: async function* () {},
  status: () => Promise.resolve(create(StatusResponseSchema)),
  takeSnapshot: () => Promise.reject(new RequestError("invalid", "there is nothing behind this server")),
  backup: async function* () {},
  members: () => Promise.resolve(create(MembersResponseSchema)),
  changeMembership: () => Promise.reject(new RequestError("invalid", "there is nothing behind this server")),
  transferLeadership: () =>
    Promise.reject(new RequestError("invalid", "there is nothing behind this server")),
});
await transport.start({
  identity: {
    clusterId: new Uint8Array(16),
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
  onMessage: () => undefined,
  admit: () => undefined,
  onConnected: () => undefined,
  onDisconnected: () => undefined,
  onRefused: () => undefined,
});
process.send?.(transport.address);
