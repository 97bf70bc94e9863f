// The yardstick of gRPC: a plain connect-node server with the same service, which answers at once and does nothing else.
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ClientService, type UpdateBatch } from "@paxos/proto";

let seq = 0n;

async function* answers(batches: AsyncIterable<UpdateBatch>) {
  for await (const { updates } of batches)
    yield { answers: updates.map(({ clientId, timestamp }) => ({ clientId, timestamp, seq: ++seq })) };
}

/** As much as the node itself allows; with the default, a hundred calls under way end the connection. */
const maxSessionMemory = 256;

const server = createServer(
  { maxSessionMemory },
  connectNodeAdapter({
    routes: (router) =>
      router.service(ClientService, {
        clientUpdate: ({ clientId, timestamp }) => ({ seq: ++seq, update: { clientId, timestamp } }),
        clientUpdates: answers,
      }),
  }),
);
server.listen(0, "127.0.0.1", () => {
  process.send?.(`127.0.0.1:${(server.address() as AddressInfo).port}`);
});
