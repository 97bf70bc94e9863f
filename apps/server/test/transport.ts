// The transport that the tests' processes use: PAXOS_TRANSPORT names it.
import type { ClientTransport } from "@paxos/core";
import { ConnectClientTransport } from "@paxos/transport-connect";
import { TcpClientTransport } from "@paxos/transport-tcp";

const clientTransports: Readonly<Record<string, () => ClientTransport>> = {
  connect: () => new ConnectClientTransport(),
  tcp: () => new TcpClientTransport(),
};

const name = process.env["PAXOS_TRANSPORT"] ?? "connect";
const make = clientTransports[name];
if (make === undefined) {
  const known = Object.keys(clientTransports).join(" or ");
  throw new Error(`PAXOS_TRANSPORT is ${JSON.stringify(name)}; set it to ${known}`);
}

/** What the tests themselves call servers with. */
export const newClientTransport = make;

/** For the command lines of servers and clients. */
export const transportFlags: readonly string[] = ["--transport", name];

/** The same with a transport that the others do not understand. */
export const otherTransportFlags: readonly string[] = ["--transport", name === "tcp" ? "connect" : "tcp"];
