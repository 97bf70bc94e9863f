// Over what the process tests speak: PAXOS_TRANSPORT says, connect else.
import type { ClientListener, Transport } from "@paxos/core";
import { ConnectReplicaTransport } from "@paxos/transport-connect";
import { TcpReplicaTransport } from "@paxos/transport-tcp";

import { TRANSPORT_NAMES } from "../src/environment.js";

const wanted = process.env["PAXOS_TRANSPORT"] ?? TRANSPORT_NAMES[0];
const name = TRANSPORT_NAMES.find((one) => one === wanted);
if (name === undefined)
  throw new Error(`PAXOS_TRANSPORT is "${wanted}"; it must be one of ${TRANSPORT_NAMES.join(", ")}`);

/** How the client is told. */
export const transportFlags = ["--transport", name];

/** What servers listen with. */
export type ServerTransport = Transport & ClientListener & { readonly address: string | undefined };

export function createServerTransport(): ServerTransport {
  return name === "tcp" ? new TcpReplicaTransport() : new ConnectReplicaTransport();
}
