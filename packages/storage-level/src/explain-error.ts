import { ConfigError } from "@paxos/core";
import { isError, reason, StorageError } from "./storage-error.js";

/**
 * What an error of the file system or of LevelDB means for the operator. classic-level puts LevelDB's reason into the cause of
 * its error, and has no codes for those of the file system.
 */
export function explain(directory: string, error: unknown): Error {
  if (error instanceof ConfigError || error instanceof StorageError) return error;
  const cause = isError(error) && isError(error.cause) ? error.cause : error;
  const code = isError(cause) && "code" in cause ? cause.code : undefined;
  const detail = reason(cause);
  const options = { cause: error };
  if (code === "LEVEL_LOCKED") {
    const remedy = "Stop the process that uses it, or give this node a data directory of its own.";
    return new ConfigError(`${directory} is in use already. ${remedy}`, options);
  }
  if (code === "EEXIST" || code === "ENOTDIR") {
    const remedy = "Name another data directory.";
    return new ConfigError(`${directory} is not a directory, nor can it be made one. ${remedy}`, options);
  }
  if (/^(EACCES|EPERM|EROFS)$/.test(String(code)) || /permission denied|read-only/i.test(detail)) {
    const remedy = "Let this user read and write it, or name another data directory.";
    return new ConfigError(`${directory} cannot be used: ${detail}. ${remedy}`, options);
  }
  return new StorageError(`${directory} cannot be opened: ${detail}`, options);
}
