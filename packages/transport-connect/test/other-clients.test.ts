import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { RequestError, type ClientHandler, type RequestErrorCode } from "@paxos/core";
import { ClientService } from "@paxos/proto";
import { afterEach, expect, test } from "@jest/globals";
import { Endpoints, type Endpoint } from "./endpoint.js";
import { errorOf, Failing, Handler, update } from "./handlers.js";

const endpoints = new Endpoints();
afterEach(() => endpoints.close());

const serving = (handler: ClientHandler): Promise<Endpoint> => endpoints.start({ nodeId: 0, handler });
const anyClients = (address: string) => ({
  grpc: createClient(ClientService, createGrpcTransport({ baseUrl: `http://${address}` })),
  grpcWeb: createClient(
    ClientService,
    createGrpcWebTransport({ baseUrl: `http://${address}`, httpVersion: "2" }),
  ),
  gzip: createClient(
    ClientService,
    createGrpcTransport({
      baseUrl: `http://${address}`,
      sendCompression: compressionGzip,
      compressMinBytes: 1,
    }),
  ),
});

test.each(["grpc", "grpcWeb", "gzip"] as const)("a plain client (%s) orders an update", async (kind) => {
  const { address } = await serving(new Handler());
  const answer = await anyClients(address)[kind].clientUpdate(update(7, 5000));
  expect(answer).toMatchObject({ seq: 7n, update: { timestamp: 7n } });
});

test.each<[RequestErrorCode, Code]>([
  ["busy", Code.ResourceExhausted],
  ["too_large", Code.OutOfRange],
  ["invalid", Code.InvalidArgument],
  ["expired", Code.FailedPrecondition],
  ["unavailable", Code.Unavailable],
  ["cancelled", Code.Canceled],
])("a plain gRPC client sees %s under its gRPC code", async (code, expected) => {
  const { address } = await serving(new Failing(new RequestError(code, "words")));
  const error = await errorOf(anyClients(address).grpc.clientUpdate(update(1)));
  expect(ConnectError.from(error)).toMatchObject({ code: expected, rawMessage: "words" });
});

test("a plain gRPC client that sends too much is told the limit, and the node serves on", async () => {
  const { address } = await serving(new Handler());
  const { grpc } = anyClients(address);
  const error = await errorOf(grpc.clientUpdate(update(1, 3 * 1024 * 1024)));
  expect(ConnectError.from(error)).toMatchObject({ code: Code.ResourceExhausted });
  expect((error as Error).message).toMatch(/larger than configured readMaxBytes 2162688/);
  expect((await grpc.clientUpdate(update(2))).seq).toBe(2n);
});
