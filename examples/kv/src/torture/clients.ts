// Clients that read and write a few keys at the same time, and write down what they see.
import { KvClient, KvError, type Consistency } from "../kv-client.js";
import type { Input, KvCall, Output } from "./history.js";
import type { Acknowledged } from "./watchers.js";

/** Keys that are used at a time, and how long: who judges a history judges each key by itself, and few calls much faster. */
const KEYS = 5;
const KEYS_FOR_MS = 2_000;

/** After so long a client gives up a call. */
const TIMEOUT_MS = 3_000;

export interface Experience {
  /** All that the client has called. */
  readonly calls: readonly KvCall[];
  /** Its writes that were acknowledged. */
  readonly writes: readonly Acknowledged[];
}

/** One client: a call after the other until the signal is aborted. */
export async function useStore(
  process: number,
  urls: readonly string[],
  { signal, consistency }: { readonly signal: AbortSignal; readonly consistency: Consistency },
): Promise<Experience> {
  const first = process % urls.length;
  const client = new KvClient([...urls.slice(first), ...urls.slice(0, first)]);
  const calls: KvCall[] = [];
  const writes: Acknowledged[] = [];
  /** What each key was last seen to have: what a compare-and-swap may hope for. */
  const seen = new Map<string, { readonly value: string; readonly version: number } | undefined>();
  for (let count = 1; !signal.aborted; count++) {
    const input = draw(`${process}-${count}`, seen);
    const start = now();
    let output: Output | undefined;
    try {
      output = await call(client, input, seen, consistency);
      const { key } = input;
      const after = seen.get(key);
      if ("value" in input && after?.value === input.value) writes.push({ key, ...after });
    } catch (error) {
      // Nobody was there to take it.
      if (error instanceof KvError && error.code === "unreachable") continue;
      if (!mayHappen(error)) throw error;
      if (input.op === "get") continue;
    }
    calls.push({ process, input, output, start, end: output === undefined ? Infinity : now() });
  }
  return { calls, writes };
}

function draw(unique: string, seen: ReadonlyMap<string, { readonly value: string } | undefined>): Input {
  const era = Math.floor(performance.now() / KEYS_FOR_MS);
  const key = `${era}/${Math.floor(Math.random() * KEYS)}`;
  const chance = Math.random();
  if (chance < 0.4) return { op: "get", key };
  if (chance < 0.65) return { op: "put", key, value: unique };
  if (chance < 0.7) return { op: "delete", key };
  return { op: "cas", key, expected: seen.get(key)?.value ?? null, value: unique };
}

async function call(
  client: KvClient,
  input: Input,
  seen: Map<string, { readonly value: string; readonly version: number } | undefined>,
  consistency: Consistency,
): Promise<Output> {
  const { key } = input;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  switch (input.op) {
    case "get": {
      const entry = await client.get(key, { signal, consistency });
      seen.set(key, entry);
      return entry?.value ?? null;
    }
    case "put": {
      const { version } = await client.put(key, input.value, { signal });
      seen.set(key, { value: input.value, version });
      return true;
    }
    case "delete":
      return (await client.delete(key, { signal })) !== undefined;
    case "cas": {
      // Every value is written once, so a version stands for a value.
      const { kind, version } = await client.put(key, input.value, {
        signal,
        ifVersion: seen.get(key)?.version ?? 0,
      });
      if (kind === "done") seen.set(key, { value: input.value, version });
      else seen.delete(key);
      return kind === "done";
    }
  }
}

function mayHappen(error: unknown): boolean {
  if (error instanceof KvError) return error.code === "unknown" || error.code === "busy";
  return error instanceof Error && error.name === "TimeoutError";
}

/** Nanoseconds, as a number: exact for a hundred days. */
function now(): number {
  return Number(globalThis.process.hrtime.bigint() - origin);
}

const origin = globalThis.process.hrtime.bigint();
