// The HTTP interface. What it answers is in the README.
import { clientOf } from "@paxos/machine";
import { RequestError } from "@paxos/core";
import type { Replica } from "@paxos/replica";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { TypedStateMachine } from "@paxos/machine";
import { answerOf, HttpProblem } from "./http-problem.js";
import { kv, MAX_LISTED, MAX_VALUE_BYTES } from "./machine.js";
import type { Store } from "./store.js";
import type { Watchers } from "./watchers.js";

export interface HttpParts {
  readonly replica: Pick<Replica, "submit" | "read" | "status">;
  readonly machine: TypedStateMachine<Store>;
  readonly watchers: Watchers;
  /** Aborted when the server closes: who watches is let go. */
  readonly closing: AbortSignal;
  /** Milliseconds after which a request is given up. */
  readonly timeoutMs: number;
  /** Milliseconds without a change after which a watcher is told how far it is. */
  readonly idleMs: number;
}

/** The seq that an answer includes: a header, for those who ask several servers. */
const SEQ = "Paxos-Seq";

export function httpInterface(parts: HttpParts): Hono {
  const client = clientOf(kv, parts.replica);
  const deadline = () => ({ signal: AbortSignal.timeout(parts.timeoutMs) });
  const app = new Hono();

  app.get("/v1/keys/:key{.+}", async (c) => {
    const { result: entry, seq } = await client.get(
      { key: c.req.param("key") },
      { ...deadline(), consistency: consistencyOf(c) },
    );
    c.header(SEQ, String(seq));
    if (entry === null) throw new HttpProblem(404, "not_found", "there is no such key");
    c.header("ETag", `"${entry.version}"`);
    if (entry.expiresAt !== undefined) c.header("Kv-Ttl", String(entry.expiresAt - entry.time));
    return c.text(entry.value);
  });

  const tooLarge = (): never => {
    throw new HttpProblem(413, "too_large", `a value has at most ${MAX_VALUE_BYTES} bytes`);
  };
  app.put("/v1/keys/:key{.+}", bodyLimit({ maxSize: MAX_VALUE_BYTES, onError: tooLarge }), async (c) => {
    const { result, seq } = await client.put(
      {
        key: c.req.param("key"),
        value: textOf(await c.req.arrayBuffer()),
        ttl: numberOf(c, "ttl"),
        ifVersion: ifVersionOf(c),
        now: now(),
      },
      deadline(),
    );
    c.header(SEQ, String(seq));
    if (result.kind === "conflict") return answerConflict(c, result.current);
    c.header("ETag", `"${result.version}"`);
    return c.body(null, 204);
  });

  app.delete("/v1/keys/:key{.+}", async (c) => {
    const input = { key: c.req.param("key"), ifVersion: ifVersionOf(c), now: now() };
    const { result, seq } = await client.delete(input, deadline());
    c.header(SEQ, String(seq));
    if (result.kind === "conflict") return answerConflict(c, result.current);
    if (result.kind === "absent") throw new HttpProblem(404, "not_found", "there is no such key");
    return c.body(null, 204);
  });

  app.get("/v1/keys", async (c) => {
    const { prefix, after } = c.req.query();
    const limit = numberOf(c, "limit") ?? MAX_LISTED;
    const { result, seq } = await client.list(
      { prefix, after, limit },
      { ...deadline(), consistency: consistencyOf(c) },
    );
    c.header(SEQ, String(seq));
    return c.json({ seq, ...result });
  });

  app.get("/v1/watch", (c) => watch(c, parts));
  app.get("/v1/status", (c) => {
    const { nodeId, leaderId, appliedSeq } = parts.replica.status();
    return c.json({
      id: Number(nodeId),
      leader: leaderId === undefined ? null : Number(leaderId),
      seq: Number(appliedSeq),
    });
  });

  app.notFound((c) => c.json(...answerOf(noSuchPlace(c))));
  app.onError((error, c) => {
    const [body, status] = answerOf(error);
    // Who is turned away because of load may come back soon.
    if (status === 503) c.header("Retry-After", "1");
    return c.json(body, status);
  });
  return app;
}

/** Streams changes, a line of JSON for each {@link Progress}. */
async function watch(
  c: Context,
  { replica, machine, watchers, closing, timeoutMs, idleMs }: HttpParts,
): Promise<Response> {
  const prefix = c.req.query("prefix") ?? "";
  // Without a seq it begins now: with what nobody can have seen before the call.
  const after =
    numberOf(c, "after") ?? (await replica.read(() => 0, { signal: AbortSignal.timeout(timeoutMs) })).seq;
  const { forgotten } = machine.state.history;
  if (after < forgotten) {
    throw new HttpProblem(
      410,
      "compacted",
      `changes up to seq ${forgotten} are not kept any more; list the keys, and watch after the seq of that`,
    );
  }
  const revisions = watchers.watch(
    { after, prefix },
    { store: () => machine.state, applied: () => Number(replica.status().appliedSeq) },
    { signal: AbortSignal.any([c.req.raw.signal, closing]), idleMs },
  );
  async function* lines() {
    for await (const progress of revisions) yield Buffer.from(`${JSON.stringify(progress)}\n`);
  }
  // Pulled: a watcher that does not read holds up nobody and nothing.
  return new Response(ReadableStream.from(lines()), {
    headers: { "Content-Type": "application/jsonl", [SEQ]: String(after) },
  });
}

function answerConflict(c: Context, current: { readonly version: number } | null): Response {
  if (current !== null) c.header("ETag", `"${current.version}"`);
  const found = current === null ? "there is no such key" : `the key has version ${current.version}`;
  return c.json(...answerOf(new HttpProblem(412, "conflict", `nothing was changed: ${found}`)));
}

function noSuchPlace(c: Context): HttpProblem {
  const known = /^\/v1\/(keys(\/.+)?|watch|status)$/.test(c.req.path);
  if (known) return new HttpProblem(405, "method", `${c.req.method} is not for ${c.req.path}`);
  return new HttpProblem(404, "no_such_path", "there are /v1/keys, /v1/keys/KEY, /v1/watch and /v1/status");
}

/** If-Match: "7" and If-None-Match: *. */
function ifVersionOf(c: Context): number | undefined {
  const match = c.req.header("If-Match");
  const noneMatch = c.req.header("If-None-Match");
  if (match !== undefined && noneMatch !== undefined)
    throw new RequestError("invalid", "give If-Match or If-None-Match, not both");
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === "*") return 0;
    throw new RequestError("invalid", "If-None-Match can only be *: the key must not exist");
  }
  if (match === undefined) return undefined;
  const [, version] = /^\s*"(\d{1,15})"\s*$/.exec(match) ?? [];
  if (version !== undefined && Number(version) > 0) return Number(version);
  throw new RequestError("invalid", `If-Match is ${match}; it must be one ETag of this key, such as "7"`);
}

function consistencyOf(c: Context): "linearizable" | "local" {
  const { consistency = "linearizable" } = c.req.query();
  if (consistency === "linearizable" || consistency === "local") return consistency;
  throw new RequestError("invalid", `consistency is ${consistency}; it must be linearizable or local`);
}

function numberOf(c: Context, name: string): number | undefined {
  const text = c.req.query(name);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RequestError("invalid", `${name} is ${JSON.stringify(text)}; it must be a whole number`);
}

function textOf(body: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new RequestError(
      "invalid",
      "the value is not text in UTF-8; encode other bytes as text, base64 say",
    );
  }
}

/** The time of day, as commands tell it. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
