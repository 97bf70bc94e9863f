import type { ClientListener, ClientTransport, Transport } from "@paxos/core";
import { ConnectClientTransport, ConnectReplicaTransport } from "@paxos/transport-connect";
import { TcpClientTransport, TcpReplicaTransport } from "@paxos/transport-tcp";

/** The transports that are measured. */
export const transportNames = ["connect", "tcp"] as const;
export type TransportName = (typeof transportNames)[number];

export function newClientTransport(name: TransportName): ClientTransport {
  return name === "tcp" ? new TcpClientTransport() : new ConnectClientTransport();
}

export function newReplicaTransport(
  name: TransportName,
): Transport & ClientListener & { readonly address: string | undefined } {
  return name === "tcp" ? new TcpReplicaTransport() : new ConnectReplicaTransport();
}
