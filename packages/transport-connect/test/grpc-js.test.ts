// A standard gRPC client, given nothing but the published .proto files.
import { credentials, loadPackageDefinition, status, type Client, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { RequestError, type ClientHandler } from "@paxos/core";
import { afterEach, expect, test } from "@jest/globals";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Endpoints, until } from "./endpoint.js";
import { backupData, Failing, Handler, Stuck } from "./handlers.js";

const protoDir = join(dirname(createRequire(import.meta.url).resolve("@paxos/proto/package.json")), "proto");
const definition = loadSync("paxos/v1/client_service.proto", {
  includeDirs: [protoDir],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});
const { paxos } = loadPackageDefinition(definition) as unknown as {
  paxos: { v1: { ClientService: new (...args: ConstructorParameters<typeof Client>) => ServiceClient } };
};

/** What a client without generated types sees of an answer; 64-bit numbers are strings. */
type Answer = Readonly<Record<string, unknown>>;

interface Call {
  on(event: "data", listener: (answer: Answer) => void): void;
  on(event: "error", listener: (error: ServiceError) => void): void;
  on(event: "end", listener: () => void): void;
  cancel(): void;
}

type UnaryCall = (
  request: object,
  done: (error: ServiceError | null, answer: Answer) => void,
) => Pick<Call, "cancel">;

interface ServiceClient extends Client {
  ClientUpdate(request: object, done: (error: ServiceError | null, answer: Answer) => void): void;
  ClientUpdates(): Call & { write(batch: object): boolean; end(): void };
  Log(request: object): Call;
  Status(request: object, done: (error: ServiceError | null, answer: Answer) => void): void;
  TakeSnapshot(
    request: object,
    done: (error: ServiceError | null, answer: Answer) => void,
  ): Pick<Call, "cancel">;
  Backup(request: object): Call;
  Members: UnaryCall;
  ChangeMembership: UnaryCall;
  TransferLeadership: UnaryCall;
}

const endpoints = new Endpoints();
const clients: ServiceClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await endpoints.close();
});

async function clientOf(handler: ClientHandler): Promise<ServiceClient> {
  const { address } = await endpoints.start({ nodeId: 0, handler });
  const client = new paxos.v1.ClientService(address, credentials.createInsecure());
  clients.push(client);
  return client;
}

/** Keeps what comes on a stream. */
function record(call: Call): { answers: Answer[]; error?: ServiceError; ended: boolean } {
  const kept: ReturnType<typeof record> = { answers: [], ended: false };
  call.on("data", (answer) => kept.answers.push(answer));
  call.on("error", (error) => (kept.error = error));
  call.on("end", () => (kept.ended = true));
  return kept;
}

const clientId = "18446744073709551615";
const update = (timestamp: number): object => ({
  client_id: clientId,
  timestamp: String(timestamp),
  update: Buffer.from(`update ${timestamp}`),
});

test("one update is ordered", async () => {
  const client = await clientOf(new Handler());
  const answer = await new Promise<Answer>((resolve, reject) =>
    client.ClientUpdate(update(7), (error, ordered) => (error === null ? resolve(ordered) : reject(error))),
  );
  expect(answer).toMatchObject({ seq: "7", result: Buffer.from("update 7"), duplicate: false });
  expect(answer["update"]).toMatchObject({ client_id: clientId, timestamp: "7" });
});

test("an update that is refused has the code and the words of the refusal", async () => {
  const client = await clientOf(new Failing(new RequestError("busy", "the queue is full; try again later")));
  const error = await new Promise<ServiceError | null>((resolve) => client.ClientUpdate(update(1), resolve));
  expect(error).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: "the queue is full; try again later",
  });
});

test("many updates go and come on one stream", async () => {
  const client = await clientOf(new Handler());
  const call = client.ClientUpdates();
  const kept = record(call);
  for (let first = 1; first <= 1000; first += 10)
    call.write({ updates: Array.from({ length: 10 }, (_, index) => update(first + index)) });
  call.end();
  await until(() => kept.ended, "the stream has ended");
  expect(kept.error).toBeUndefined();
  const answers = kept.answers.flatMap(({ answers: some }) => some as Answer[]);
  expect(answers.map(({ timestamp }) => Number(timestamp)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 1000 }, (_, index) => index + 1),
  );
  expect(answers.every(({ client_id, seq, timestamp }) => client_id === clientId && seq === timestamp)).toBe(
    true,
  );
  expect(answers[0]).toMatchObject({ failure: null, duplicate: false });
});

test("on the stream, a refused update has its reason, and the stream goes on", async () => {
  const client = await clientOf(new Failing(new RequestError("expired", "begin a new session")));
  const call = client.ClientUpdates();
  const kept = record(call);
  call.write({ updates: [update(1)] });
  await until(() => kept.answers.length === 1, "the first is answered");
  call.write({ updates: [update(2)] });
  call.end();
  await until(() => kept.ended, "the stream has ended");
  const failure = { code: "FAILURE_CODE_EXPIRED", detail: "begin a new session" };
  expect(kept.answers.flatMap(({ answers }) => answers)).toMatchObject([
    { timestamp: "1", seq: "0", failure },
    { timestamp: "2", seq: "0", failure },
  ]);
});

test("on the stream, abandoned updates and those of a cancelled stream are given up", async () => {
  const handler = new Stuck();
  const call = (await clientOf(handler)).ClientUpdates();
  const kept = record(call);
  call.write({ updates: [update(1), update(2), update(3)] });
  await until(() => handler.started === 3, "all are with the handler");
  call.write({ abandoned: [{ client_id: clientId, timestamp: "2" }] });
  await until(() => handler.cancelled === 1, "the one is given up");
  call.cancel();
  await until(() => handler.cancelled === 3, "all are given up");
  await until(() => kept.error !== undefined, "the client's stream has ended");
  expect(kept.error?.code).toBe(status.CANCELLED);
  expect(kept.answers).toEqual([]);
});

test("the log comes as a stream, and the status", async () => {
  const client = await clientOf(new Handler());
  const kept = record(client.Log({ from_seq: "2" }));
  await until(() => kept.ended, "the log has ended");
  expect(kept.answers).toMatchObject([{ first_seq: "2" }, { first_seq: "3" }]);
  const answer = await new Promise<Answer>((resolve, reject) =>
    client.Status({}, (error, state) => (error === null ? resolve(state) : reject(error))),
  );
  expect(answer).toMatchObject({ node_id: "3", role: "ROLE_LEADER" });
});

test("a snapshot is taken, and a backup comes as a stream", async () => {
  const client = await clientOf(new Handler());
  const taken = await new Promise<Answer>((resolve, reject) =>
    client.TakeSnapshot({}, (error, answer) => (error === null ? resolve(answer) : reject(error))),
  );
  expect(taken).toMatchObject({ seq: "9", bytes: "300", first_seq: "5" });
  const kept = record(client.Backup({}));
  await until(() => kept.ended, "the backup has ended");
  expect(kept.answers).toMatchObject([
    { snapshot: { seq: "9", chunks: 2 }, index: 0, data: backupData },
    { snapshot: { seq: "9", chunks: 2 }, index: 1, data: backupData },
  ]);
});

test("a snapshot and a backup that are refused have the code and the words of the refusal, and cancelling ends them", async () => {
  const refused = { code: status.INVALID_ARGUMENT, details: "this state machine has no snapshots" };
  const client = await clientOf(new Failing(new RequestError("invalid", refused.details)));
  const error = await new Promise((resolve) => client.TakeSnapshot({}, resolve));
  expect(error).toMatchObject(refused);
  const backup = record(client.Backup({}));
  await until(() => backup.error !== undefined, "the backup has failed");
  expect(backup.error).toMatchObject(refused);

  const handler = new Stuck();
  const patient = await clientOf(handler);
  const call = patient.TakeSnapshot({}, () => undefined);
  const stream = patient.Backup({});
  record(stream);
  await until(() => handler.started === 2, "both are with the handler");
  call.cancel();
  stream.cancel();
  await until(() => handler.cancelled === 2, "both are given up");
});

type MembershipCall = "Members" | "ChangeMembership" | "TransferLeadership";

/** Makes a call, and resolves with its answer or its error. */
const outcome = (client: ServiceClient, call: MembershipCall, request: object): Promise<unknown> =>
  new Promise((resolve) => client[call](request, (error, answer) => resolve(error ?? answer)));

test("the members are told, changed, and their leader is", async () => {
  const client = await clientOf(new Handler());
  expect(await outcome(client, "Members", {})).toMatchObject({
    epoch_record: { epoch: "4", voters: [{ node_id: "3", address: "three:3" }] },
    leader_id: "0",
    node_id: "3",
    heard: ["3"],
  });
  const change = { change_id: "7", promote: "4" };
  expect(await outcome(client, "ChangeMembership", { change })).toMatchObject({
    epoch_record: { epoch: "5", change_id: "7" },
  });
  expect(await outcome(client, "TransferLeadership", { node_id: "0" })).toMatchObject({ leader_id: "0" });
  expect(await outcome(client, "TransferLeadership", {})).toMatchObject({ leader_id: "9" });
});

test("a change that is none is invalid; one above 64 KiB is too large", async () => {
  const client = await clientOf(new Handler());
  expect(await outcome(client, "ChangeMembership", {})).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: "the request names no change of the membership; say what is to change",
  });
  const changeOf = (length: number) => ({ change: { move: { node_id: "1", address: "x".repeat(length) } } });
  expect(await outcome(client, "ChangeMembership", changeOf(64 * 1024))).toMatchObject({
    code: status.OUT_OF_RANGE,
    details: expect.stringMatching(/^the change has 655\d\d bytes; the limit is 65536/),
  });
  // One far above it is not even read.
  expect(await outcome(client, "ChangeMembership", changeOf(200_000))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
});

test.each(["not_leader", "refused"] as const)(
  "who is told %s can tell by the code and its mark, and has the words",
  async (code) => {
    const client = await clientOf(new Failing(new RequestError(code, "what to do")));
    for (const call of ["Members", "ChangeMembership", "TransferLeadership"] as const) {
      const error = (await outcome(client, call, { change: {} })) as ServiceError;
      expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, details: "what to do" });
      expect(error.metadata.get("paxos-error")).toEqual([code]);
    }
  },
);

test("cancelling ends a change of the membership and a hand-over", async () => {
  const handler = new Stuck();
  const client = await clientOf(handler);
  const calls = [
    client.ChangeMembership({ change: { promote: "4" } }, () => undefined),
    client.TransferLeadership({}, () => undefined),
  ];
  await until(() => handler.started === 2, "both are with the handler");
  for (const call of calls) call.cancel();
  await until(() => handler.cancelled === 2, "both are given up");
});
