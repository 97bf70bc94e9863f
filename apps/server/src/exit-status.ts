// What the process ends with.
import { ConfigError, RequestError } from "@paxos/core";

export const DONE = 0;
export const FAILED = 1;
const BAD_INPUT = 2;

/** What a command has failed with, though nothing was wrong with what it was given. The message says what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** The exit status for what a command rejects with; undefined when that is the program's own fault. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof ConfigError) return BAD_INPUT;
  if (error instanceof RequestError || error instanceof CommandError) return FAILED;
  // Adapters have errors of their own. They are known by their names, so that this file knows no adapter.
  if (error instanceof Error && error.name === "ListenError") return BAD_INPUT;
  if (error instanceof Error && error.name === "StorageError") return FAILED;
  return undefined;
}
