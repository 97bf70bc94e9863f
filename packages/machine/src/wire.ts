// How commands, queries and answers are written: JSON, in arrays, so that a log can be read by people.

/** A command: its name, the version that brought the form that is meant, its input. */
export type WireCommand = readonly [name: string, since: number, input?: unknown];

/** A query: its name, its input. */
export type WireQuery = readonly [name: string, input?: unknown];

/**
 * What a state machine answers: its result; or that it made no sense of what it was given; or that the command is of a version that
 * is not in use yet. The last two say no more, because releases must not answer differently.
 */
export type WireAnswer =
  | readonly [status: typeof DONE, result?: unknown]
  | readonly [status: typeof INVALID]
  | readonly [status: typeof NOT_YET];

export const DONE = 0;
export const INVALID = 1;
export const NOT_YET = 2;

const encoder = new TextEncoder();
// Bytes that are no text are no JSON either.
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What is undefined at the end is left out, and is undefined again when it is read. @throws TypeError when JSON cannot write it. */
export function encode(value: WireCommand | WireQuery | WireAnswer): Uint8Array {
  return encoder.encode(JSON.stringify(value.at(-1) === undefined ? value.slice(0, -1) : value));
}

/** Undefined when the bytes are no command. */
export function decodeCommand(bytes: Uint8Array): WireCommand | undefined {
  const value = parse(bytes);
  if (!Array.isArray(value) || value.length < 2 || value.length > 3) return undefined;
  const [name, since, input] = value as unknown[];
  return typeof name === "string" && typeof since === "number" ? [name, since, input] : undefined;
}

/** Undefined when the bytes are no query. */
export function decodeQuery(bytes: Uint8Array): WireQuery | undefined {
  const value = parse(bytes);
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) return undefined;
  const [name, input] = value as unknown[];
  return typeof name === "string" ? [name, input] : undefined;
}

/** Undefined when the bytes are no answer: another state machine gave them. */
export function decodeAnswer(bytes: Uint8Array): WireAnswer | undefined {
  const value = parse(bytes);
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) return undefined;
  const [status, result] = value as unknown[];
  if (status === DONE) return [DONE, result];
  return status === INVALID || status === NOT_YET ? [status] : undefined;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}
