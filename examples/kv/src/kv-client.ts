// A client over HTTP, of several servers: any of them will do, and the next one takes over when one is gone.
import { setTimeout as sleep } from "node:timers/promises";

/** A key's entry. */
export interface KvEntry {
  readonly value: string;
  readonly version: number;
}

/** What became of a write; `version` of a conflict is the one that is there, 0 for none. */
export type KvWritten =
  | { readonly kind: "done"; readonly version: number }
  | { readonly kind: "conflict"; readonly version: number };

export interface WriteOptions {
  /** Seconds to live. Default: for ever. */
  readonly ttl?: number;
  /** Only if the key has this version; 0: only if there is no such key. */
  readonly ifVersion?: number;
  readonly signal?: AbortSignal;
}

/** Linearizable: with every write that anybody was told of before. Local: as the server that answers has it, which may be behind. */
export type Consistency = "linearizable" | "local";

export interface ReadOptions {
  /** Default: linearizable. */
  readonly consistency?: Consistency;
  readonly signal?: AbortSignal;
}

/** What a watcher is told: a seq up to which it knows everything, and what has changed. */
export interface KvProgress {
  readonly seq: number;
  readonly changes: readonly (
    | { readonly key: string; readonly value: string }
    | { readonly key: string; readonly gone: "deleted" | "expired" }
  )[];
}

/**
 * A request that was not granted. `code` is that of the answer's body; `unknown` too when a write was sent and nobody answered: it may have been
 * made. `unreachable`: no server took it.
 */
export class KvError extends Error {
  override readonly name = "KvError";
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Pause before servers that have failed are tried once more, in milliseconds. */
const PAUSE_MS = 100;

/** A server that says nothing for so long is given up: it tells watchers how far it is every 5 s. */
const SILENCE_MS = 15_000;

export class KvClient {
  #first = 0;

  /** @param servers their URLs, such as http://127.0.0.1:8080. */
  constructor(private readonly servers: readonly string[]) {}

  /** Undefined when there is no such key. */
  async get(key: string, { consistency, signal }: ReadOptions = {}): Promise<KvEntry | undefined> {
    const query = consistency === "local" ? "?consistency=local" : "";
    const response = await this.#read(pathOf(key) + query, signal);
    if (response.status === 404) return undefined;
    return { value: await response.text(), version: versionOf(response) };
  }

  async put(key: string, value: string, { ttl, ifVersion, signal }: WriteOptions = {}): Promise<KvWritten> {
    const query = ttl === undefined ? "" : `?ttl=${ttl}`;
    const request = { method: "PUT", body: value, headers: conditions(ifVersion) };
    return written(await this.#write(pathOf(key) + query, request, signal));
  }

  /** Undefined when there was no such key. */
  async delete(
    key: string,
    { ifVersion, signal }: Omit<WriteOptions, "ttl"> = {},
  ): Promise<KvWritten | undefined> {
    const response = await this.#write(
      pathOf(key),
      { method: "DELETE", headers: conditions(ifVersion) },
      signal,
    );
    return response.status === 404 ? undefined : written(response);
  }

  /** All entries whose keys begin with a prefix, a page after the other. Between pages the store may change. */
  async *list(
    prefix = "",
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<KvEntry & { readonly key: string }> {
    let after: string | undefined;
    for (;;) {
      const query = new URLSearchParams({ prefix, ...(after !== undefined && { after }) });
      const response = await this.#read(`/v1/keys?${query.toString()}`, options.signal);
      const { entries, more } = (await response.json()) as {
        readonly entries: readonly (KvEntry & { readonly key: string })[];
        readonly more: boolean;
      };
      yield* entries;
      if (!more) return;
      after = entries.at(-1)?.key;
    }
  }

  /**
   * Every change to keys with a prefix behind the seq `after` (default: from now on), in order, each once, for as long as the signal lets it: when a
   * connection breaks, the next server goes on behind the last seq that was seen.
   * @throws KvError `compacted` when it was away for so long that no server has the changes any more.
   */
  async *watch({
    prefix = "",
    after,
    signal,
  }: {
    readonly prefix?: string;
    readonly after?: number;
    readonly signal?: AbortSignal;
  } = {}): AsyncGenerator<KvProgress, void, undefined> {
    let seen = after;
    while (!isAborted(signal)) {
      const query = new URLSearchParams({ prefix, ...(seen !== undefined && { after: String(seen) }) });
      const silence = new Silence(signal);
      try {
        const response = await this.#read(`/v1/watch?${query.toString()}`, silence.signal);
        seen ??= Number(response.headers.get("Paxos-Seq"));
        for await (const line of linesOf(response)) {
          silence.broken();
          const progress = JSON.parse(line) as KvProgress;
          seen = progress.seq;
          yield progress;
        }
      } catch (error) {
        if (isAborted(signal)) return;
        if (error instanceof KvError && error.code !== "unreachable" && error.code !== "unknown") throw error;
      } finally {
        silence.end();
      }
      this.#first++;
      await pause(PAUSE_MS, signal);
    }
  }

  /** A read may be asked again as often as one likes. */
  async #read(path: string, signal: AbortSignal | undefined): Promise<Response> {
    const problems: string[] = [];
    for (let attempt = 0; attempt < 2 * this.servers.length; attempt++) {
      try {
        const response = await this.#fetch(path, {}, signal);
        if (response.status < 500) return await granted(response);
        problems.push(await problemOf(response));
      } catch (error) {
        if (isAborted(signal) || error instanceof KvError) throw error;
        problems.push(reasonOf(error));
      }
      this.#first++;
      if (attempt % this.servers.length === this.servers.length - 1) await pause(PAUSE_MS, signal);
    }
    throw new KvError("unreachable", `no server answers: ${problems.at(-1)}`);
  }

  /** A write is sent again only when it is certain that nobody took it. */
  async #write(path: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
    for (let attempt = 0; attempt < this.servers.length; attempt++) {
      try {
        const response = await this.#fetch(path, init, signal);
        if (response.status === 504) this.#first++;
        return await granted(response);
      } catch (error) {
        if (error instanceof KvError) throw error;
        this.#first++;
        if (!isRefusedConnection(error))
          throw new KvError("unknown", `it was sent, and nobody has answered: ${reasonOf(error)}`, {
            cause: error,
          });
      }
    }
    throw new KvError("unreachable", `no server is up: ${this.servers.join(", ")}`);
  }

  #fetch(path: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
    const server = this.servers[this.#first % this.servers.length];
    return fetch(`${server}${path}`, { ...init, ...(signal && { signal }) });
  }
}

/** Aborted when its like is, or when nothing was heard for too long: a server that is stopped keeps its connections. */
class Silence {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;
  readonly #timer = setTimeout(() => this.#controller.abort(), SILENCE_MS);

  constructor(outer: AbortSignal | undefined) {
    this.signal =
      outer === undefined ? this.#controller.signal : AbortSignal.any([outer, this.#controller.signal]);
  }

  broken(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function pathOf(key: string): string {
  return `/v1/keys/${encodeURIComponent(key)}`;
}

function conditions(ifVersion: number | undefined): Record<string, string> {
  if (ifVersion === undefined) return {};
  return ifVersion === 0 ? { "If-None-Match": "*" } : { "If-Match": `"${ifVersion}"` };
}

function versionOf(response: Response): number {
  return Number(/^"(\d+)"$/.exec(response.headers.get("ETag") ?? "")?.[1] ?? 0);
}

function written(response: Response): KvWritten {
  return { kind: response.status === 412 ? "conflict" : "done", version: versionOf(response) };
}

/** The answers that are results; @throws KvError for the others. */
async function granted(response: Response): Promise<Response> {
  if (response.ok || response.status === 412) return response;
  const text = await response.clone().text();
  const { code, message } = errorIn(text) ?? {
    code: "unknown",
    message: `HTTP ${response.status}: ${text.slice(0, 200)}`,
  };
  if (code === "not_found") return response;
  throw new KvError(code, message);
}

async function problemOf(response: Response): Promise<string> {
  const text = await response.text();
  return errorIn(text)?.message ?? `HTTP ${response.status}`;
}

function errorIn(text: string): { readonly code: string; readonly message: string } | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { code: string; message: string } };
    return error;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return String(cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : error);
}

function isRefusedConnection(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code === "ECONNREFUSED";
}

/** Whole lines only: what came of one when the connection broke is dropped, and asked for again. */
async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  let rest = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Resolves after so many milliseconds, or when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal && { signal }).catch(() => undefined);
}
