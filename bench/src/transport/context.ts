import { protocolVersions, type PeerAddress, type TransportContext } from "@paxos/core";

/** What a transport is told of its node, one of two. */
export function contextOf(
  nodeId: number,
  peer: PeerAddress,
  callbacks: Partial<TransportContext>,
): TransportContext {
  return {
    identity: {
      clusterId: new Uint8Array(32),
      nodeId,
      storeId: BigInt(nodeId + 1),
      incarnation: 1n,
      saveHistory: new Uint8Array(),
      epochRecord: new Uint8Array(),
      address: "127.0.0.1:0",
      protocolVersion: protocolVersions.newest,
      commandVersion: 0,
    },
    address: "127.0.0.1:0",
    peers: [peer],
    onMessage: () => undefined,
    admit: () => undefined,
    onConnected: () => undefined,
    onDisconnected: () => undefined,
    onRefused: () => undefined,
    ...callbacks,
  };
}
