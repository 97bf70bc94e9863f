/**
 * The storage failed, or what it holds is damaged. The message names the storage and, where one is to
 * blame, the record or the seq. The node must not go on with this storage.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
}

/** What an error says for itself, with the message of its cause, where adapters keep the reason. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
