// The receiving process: one transport and all bare sockets. It counts messages, and confirms them now and then.
import { create } from "@bufbuild/protobuf";
import { GloballyOrderedUpdateSchema, type Message } from "@paxos/proto";
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { newReplicaTransport, type TransportName } from "../transports.js";
import { messageReceiver, updateAnswerer } from "./bare-socket.js";
import { contextOf } from "./context.js";
import { answer, confirmEvery, isQuestion } from "./loads.js";

/** Where the receiver listens. */
export interface Places {
  readonly transport: string;
  readonly messages: number;
  readonly updates: number;
}

/** What the receiver says. */
export type Report =
  | { readonly places: Places }
  | { readonly count: number }
  | { readonly cpuMs: number }
  | { readonly connected: true };

/** What it is told, once it has said where it listens: the address of the sender, whom it answers; or to say what it has spent. */
export type Request = { readonly sender: string } | "cpu";

process.once("message", (name) => void receive(name as TransportName));

async function receive(name: TransportName): Promise<void> {
  const report = (it: Report): void => void process.send?.(it);
  let count = 0;
  const onMessage = (message: Message, send: (answer: Message) => void): void => {
    if (message.to !== 1n) throw new Error("misdirected");
    if (isQuestion(message)) send(answer());
    else if (++count % confirmEvery === 0) report({ count });
  };
  const transport = newReplicaTransport(name);
  const notAskedFor = (): never => {
    throw new Error("not asked for");
  };
  transport.serve({
    clientUpdate: ({ timestamp, update }) =>
      Promise.resolve(create(GloballyOrderedUpdateSchema, { seq: timestamp, result: update })),
    query: notAskedFor,
    log: notAskedFor,
    status: notAskedFor,
    takeSnapshot: notAskedFor,
    backup: notAskedFor,
    members: notAskedFor,
    changeMembership: notAskedFor,
    transferLeadership: notAskedFor,
  });
  await transport.start(
    contextOf(
      1,
      { nodeId: 0, address: "127.0.0.1:9" },
      {
        onMessage: (_from, message) => onMessage(message, (it) => transport.send(it)),
        onConnected: () => report({ connected: true }),
      },
    ),
  );
  const messages = await portOf(messageReceiver(onMessage));
  const updates = await portOf(updateAnswerer());
  process.on("message", (request: Request) => {
    if (request !== "cpu") return transport.setPeers([{ nodeId: 0, address: request.sender }]);
    count = 0;
    const { user, system } = process.cpuUsage();
    report({ cpuMs: (user + system) / 1000 });
  });
  report({ places: { transport: transport.address ?? "", messages, updates } });
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
