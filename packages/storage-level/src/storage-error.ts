import { types } from "node:util";

/**
 * The storage failed, or what it holds is damaged. The message names the storage and, where one is to
 * blame, the record or the seq. The node must not go on with this storage.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
}

/** An error, also one of another realm, as instanceof would not have it. */
export const isError: (value: unknown) => value is Error = types.isNativeError;

/** What an error says for itself, with the message of its cause, where adapters keep the reason. */
export function reason(error: unknown): string {
  if (!isError(error)) return String(error);
  return isError(error.cause) ? `${error.message}: ${error.cause.message}` : error.message;
}
