// The HTTP interface in front of one replica.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { firstEpoch, RequestError } from "@paxos/core";
import { startReplica, type Replica } from "@paxos/replica";
import { MemoryStorage } from "@paxos/storage-level";
import { TcpReplicaTransport } from "@paxos/transport-tcp";
import type { Hono } from "hono";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { httpInterface, type HttpParts } from "./http.js";
import { kv, MAX_VALUE_BYTES } from "./machine.js";
import { Watchers } from "./watchers.js";

let replica: Replica;
let parts: HttpParts;
let app: Hono;

beforeAll(async () => {
  const watchers = new Watchers();
  const machine = kv.create({ changed: watchers.changed });
  const [port] = await freePorts(1);
  replica = await startReplica({
    nodeId: 0,
    epochRecord: firstEpoch([`127.0.0.1:${port}`]),
    stateMachine: machine,
    storage: new MemoryStorage(),
    transport: new TcpReplicaTransport(),
  });
  parts = {
    replica,
    machine,
    watchers,
    closing: new AbortController().signal,
    timeoutMs: 10_000,
    idleMs: 50,
  };
  app = httpInterface(parts);
});
afterAll(() => replica.close());

async function ask(
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const response = await app.request(path, { method, headers, ...(body !== undefined && { body }) });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

const problem = (body: string) => (JSON.parse(body) as { error: { code: string; message: string } }).error;

test("a value is written, read, changed if it is what was expected, and deleted", async () => {
  const written = await ask("PUT", "/v1/keys/one", "first");
  expect([written.status, written.body]).toEqual([204, ""]);
  const etag = written.headers.get("ETag") ?? "";
  expect(`"${written.headers.get("Paxos-Seq")}"`).toBe(etag);
  const read = await ask("GET", "/v1/keys/one");
  expect([read.status, read.body, read.headers.get("ETag")]).toEqual([200, "first", etag]);
  expect(read.headers.get("Kv-Ttl")).toBeNull();
  expect((await ask("PUT", "/v1/keys/one", "second", { "If-Match": etag })).status).toBe(204);
  const late = await ask("PUT", "/v1/keys/one", "third", { "If-Match": etag });
  expect(late.status).toBe(412);
  expect(problem(late.body).code).toBe("conflict");
  const current = (await ask("GET", "/v1/keys/one")).headers.get("ETag") ?? "";
  expect(late.headers.get("ETag")).toBe(current);
  expect((await ask("PUT", "/v1/keys/one", "x", { "If-None-Match": "*" })).status).toBe(412);
  expect((await ask("DELETE", "/v1/keys/one", undefined, { "If-Match": etag })).status).toBe(412);
  expect((await ask("DELETE", "/v1/keys/one", undefined, { "If-Match": current })).status).toBe(204);
  expect((await ask("DELETE", "/v1/keys/one")).status).toBe(404);
  const gone = await ask("GET", "/v1/keys/one");
  expect([gone.status, problem(gone.body).code]).toEqual([404, "not_found"]);
  expect((await ask("PUT", "/v1/keys/one", "x", { "If-None-Match": "*" })).status).toBe(204);
});

test("keys may be any text; slashes need no escape", async () => {
  for (const key of ["a/b", "a b", "ü?&=#", "%", "..."]) {
    expect((await ask("PUT", `/v1/keys/${encodeURIComponent(key)}`, key)).status).toBe(204);
    expect((await ask("GET", `/v1/keys/${encodeURIComponent(key)}`)).body).toBe(key);
  }
  expect((await ask("GET", "/v1/keys/a/b")).body).toBe("a/b");
  const { entries, more, seq } = JSON.parse((await ask("GET", "/v1/keys?prefix=a&limit=1")).body) as {
    entries: { key: string; value: string }[];
    more: boolean;
    seq: number;
  };
  expect([entries.map(({ key }) => key), more]).toEqual([["a b"], true]);
  expect(seq).toBeGreaterThan(0);
  expect((await ask("GET", "/v1/keys?prefix=a&after=a%20b&consistency=local")).body).toContain('"key":"a/b"');
});

test("a time to live is told, and a key is gone once it is over", async () => {
  await ask("PUT", "/v1/keys/short?ttl=1", "x");
  expect(["1", "0"]).toContain((await ask("GET", "/v1/keys/short")).headers.get("Kv-Ttl"));
  // Another write says what time it is.
  while ((await ask("GET", "/v1/keys/short")).status !== 404) await ask("PUT", "/v1/keys/clock", "tick");
});

test.each([
  ["GET", "/v1/keys?limit=0", undefined, {}, 400, "list: limit: Too small: expected number to be >=1"],
  ["GET", "/v1/keys?limit=ten", undefined, {}, 400, 'limit is "ten"; it must be a whole number'],
  [
    "GET",
    "/v1/keys/a?consistency=some",
    undefined,
    {},
    400,
    "consistency is some; it must be linearizable or local",
  ],
  ["PUT", "/v1/keys/a?ttl=0", "x", {}, 400, "put: ttl: Too small: expected number to be >=1"],
  [
    "PUT",
    "/v1/keys/a",
    "x",
    { "If-Match": "7" },
    400,
    'If-Match is 7; it must be one ETag of this key, such as "7"',
  ],
  [
    "PUT",
    "/v1/keys/a",
    "x",
    { "If-Match": '"0"' },
    400,
    'If-Match is "0"; it must be one ETag of this key, such as "7"',
  ],
  [
    "PUT",
    "/v1/keys/a",
    "x",
    { "If-None-Match": '"7"' },
    400,
    "If-None-Match can only be *: the key must not exist",
  ],
  [
    "PUT",
    "/v1/keys/a",
    "x",
    { "If-Match": '"7"', "If-None-Match": "*" },
    400,
    "give If-Match or If-None-Match, not both",
  ],
  [
    "PUT",
    "/v1/keys/a",
    Uint8Array.of(0xff),
    {},
    400,
    "the value is not text in UTF-8; encode other bytes as text, base64 say",
  ],
  ["PUT", "/v1/keys/a", "x".repeat(MAX_VALUE_BYTES + 1), {}, 413, "a value has at most 262144 bytes"],
  ["PUT", `/v1/keys/${"k".repeat(513)}`, "x", {}, 400, "put: key: it is longer than 512 bytes of UTF-8"],
  ["GET", "/v1/watch?after=-1", undefined, {}, 400, 'after is "-1"; it must be a whole number'],
  ["POST", "/v1/keys/a", "x", {}, 405, "POST is not for /v1/keys/a"],
  ["PUT", "/v1/keys", "x", {}, 405, "PUT is not for /v1/keys"],
  ["GET", "/", undefined, {}, 404, "there are /v1/keys, /v1/keys/KEY, /v1/watch and /v1/status"],
] as const)("%s %s is refused with its reason", async (method, path, body, headers, status, message) => {
  const answer = await ask(method, path, body, headers);
  expect([answer.status, problem(answer.body).message]).toEqual([status, message]);
});

test.each([
  [new RequestError("busy", "too many"), 503, "busy", "too many"],
  [new RequestError("too_large", "too much"), 413, "too_large", "too much"],
  [
    new RequestError("timed_out", "no majority"),
    504,
    "unknown",
    "no answer in time (no majority); what was to be written may be, or not: read it",
  ],
  [new Error("a bug"), 500, "internal", "the server has failed at this request"],
])("when the replica fails with %p it is answered %i", async (error, status, code, message) => {
  const failing = { submit: () => Promise.reject(error), read: replica.read.bind(replica) };
  const broken = httpInterface({ ...parts, replica: { ...failing, status: () => replica.status() } });
  const answer = await broken.request("/v1/keys/a", { method: "PUT", body: "x" });
  expect([answer.status, problem(await answer.text())]).toEqual([status, { code, message }]);
  expect(answer.headers.get("Retry-After")).toBe(status === 503 ? "1" : null);
});

test("who watches is told every change behind a seq, in lines, and how far it is when nothing happens", async () => {
  const { seq } = JSON.parse((await ask("GET", "/v1/keys")).body) as { seq: number };
  const abort = new AbortController();
  const response = await app.request(`/v1/watch?prefix=w&after=${seq}`, { signal: abort.signal });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "application/jsonl"]);
  await ask("PUT", "/v1/keys/w1", "a");
  await ask("PUT", "/v1/keys/other", "b");
  await ask("DELETE", "/v1/keys/w1");
  const lines = linesOf(response);
  const told: { seq: number; changes: unknown[] }[] = [];
  while (told.filter(({ changes }) => changes.length > 0).length < 2 || told.at(-1)?.changes.length !== 0)
    told.push(JSON.parse((await lines.next()).value ?? "") as (typeof told)[number]);
  expect(told.flatMap(({ changes }) => changes)).toEqual([
    { key: "w1", value: "a" },
    { key: "w1", gone: "deleted" },
  ]);
  expect(told.at(-1)?.seq).toBe(seq + 3);
  abort.abort();
});

test("changes that are kept no more are not passed over in silence", async () => {
  for (let i = 0; i < 66; i++) await ask("PUT", "/v1/keys/large", "x".repeat(MAX_VALUE_BYTES));
  const { status, body } = await ask("GET", "/v1/watch?after=1");
  expect([status, problem(body).code]).toEqual([410, "compacted"]);
});

async function* linesOf(response: Response): AsyncGenerator<string, undefined> {
  let rest = "";
  if (response.body === null) throw new Error("there is no body");
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
