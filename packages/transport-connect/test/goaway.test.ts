import { create } from "@bufbuild/protobuf";
import { createConnectRouter } from "@connectrpc/connect";
import { ClientService, UpdateAnswersSchema, type UpdateAnswers } from "@paxos/proto";
import { expect, test } from "@jest/globals";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { ConnectClientTransport } from "../src/index.js";
import { requestListener } from "../src/request-listener.js";
import { until } from "./endpoint.js";
import { update } from "./handlers.js";

test("what a server is about to close is finished on; later updates go on a new connection", async () => {
  const sessions: ServerHttp2Session[] = [];
  const received: bigint[] = [];
  let endedStreams = 0;
  let answer = (): void => undefined;
  const held = new Promise<void>((resolve) => (answer = resolve));
  const router = createConnectRouter().rpc(
    ClientService.method.clientUpdates,
    async function* (batches): AsyncGenerator<UpdateAnswers> {
      for await (const { updates } of batches) {
        for (const { clientId, timestamp } of updates) {
          received.push(timestamp);
          if (timestamp === 1n) await held;
          yield create(UpdateAnswersSchema, { answers: [{ clientId, timestamp, seq: timestamp }] });
        }
      }
      endedStreams++;
    },
  );
  const server = createServer(requestListener(router));
  server.on("session", (session) => sessions.push(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new ConnectClientTransport();
  const { signal } = new AbortController();

  const calls = [client.clientUpdate(address, update(1), signal)];
  await until(() => received.length === 1, "the server has the first");
  sessions[0]?.goaway();
  await until(() => {
    calls.push(client.clientUpdate(address, update(calls.length + 1), signal));
    return sessions.length === 2;
  }, "a new connection is made");
  answer();
  const seqs = (await Promise.all(calls)).map(({ seq }) => Number(seq));
  expect(seqs).toEqual(calls.map((_, index) => index + 1));
  await until(() => endedStreams === 1, "the old stream has ended");
  await until(() => sessions[0]?.destroyed === true, "the old connection has ended");
  await client.close();
  await new Promise((resolve) => server.close(resolve));
});
