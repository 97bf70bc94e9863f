import { create } from "@bufbuild/protobuf";
import { RequestError, type ClientHandler } from "@paxos/core";
import { LogRequestSchema } from "@paxos/proto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ConnectClientTransport } from "../src/index.js";
import { Endpoints, type Endpoint } from "./endpoint.js";
import { errorOf, Failing, Handler, update } from "./handlers.js";

// What all transports do is tested in conformance.test.ts.

const endpoints = new Endpoints();
const clients: ConnectClientTransport[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await endpoints.close();
});

function newClient(...options: ConstructorParameters<typeof ConnectClientTransport>): ConnectClientTransport {
  const client = new ConnectClientTransport(...options);
  clients.push(client);
  return client;
}

const serving = (handler: ClientHandler): Promise<Endpoint> => endpoints.start({ nodeId: 0, handler });
const never = (): AbortSignal => new AbortController().signal;

const kinds = (["connect", "grpc"] as const).flatMap((protocol) =>
  (["stream", "unary"] as const).map((updates) => ({ protocol, updates })),
);

describe.each(kinds)("over $protocol, $updates", (options) => {
  test("a node that has given up says so; on a stream, it serves the update no further", async () => {
    const { address } = await serving(new Failing(new RequestError("cancelled", "some words: what to do")));
    const client = newClient(options);
    const expected = { name: "RequestError", code: "cancelled", message: "some words: what to do" };
    const given = options.updates === "stream" ? "unavailable" : "cancelled";
    expect(await errorOf(client.clientUpdate(address, update(1), never()))).toMatchObject({
      ...expected,
      code: given,
    });
    expect(await errorOf(client.status(address, never()))).toMatchObject(expected);
    expect(await errorOf(client.takeSnapshot(address, never()))).toMatchObject(expected);
    for (const stream of [
      client.log(address, create(LogRequestSchema), never()),
      client.backup(address, never()),
    ]) {
      await stream.next();
      expect(await errorOf(stream.next())).toMatchObject(expected);
    }
  });

  test("an update above the limit is refused with the number of bytes that would have been allowed", async () => {
    const { address } = await serving(new Handler());
    const error = await errorOf(
      newClient(options).clientUpdate(address, update(1, 3 * 1024 * 1024), never()),
    );
    expect((error as Error).message).toMatch(/the update has 3145728 bytes; the limit is 2097088/);
  });
});
