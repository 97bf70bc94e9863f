// A directory that is there with all its content, or not at all.
import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";

import { ConfigError } from "@paxos/core";

import { CommandError } from "./exit-status.js";

/**
 * Makes a directory: has `fill` make it under another name beside it, and gives it its own once that has succeeded. Rejects
 * with a ConfigError when it cannot be made, or holds anything already.
 */
export async function makeWhole(directory: string, fill: (partial: string) => Promise<void>): Promise<void> {
  await requireEmpty(directory);
  const partial = `${directory}.${process.pid}.partial`;
  try {
    await mkdir(dirname(directory), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
      throw new ConfigError(`${directory} cannot be made: ${(cause as Error).message}`, { cause });
    });
    await fill(partial);
    await putInPlace(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function requireEmpty(directory: string): Promise<void> {
  try {
    if ((await readdir(directory)).length === 0) return;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new ConfigError(`${directory} cannot be used: ${(cause as Error).message}`, { cause });
  }
  throw new ConfigError(
    `${directory} holds something already, and is left as it is. Name a new or empty directory, or move this one away: ` +
      "if it is the data of a member, that is a member of another cluster",
  );
}

async function putInPlace(partial: string, directory: string): Promise<void> {
  try {
    // Windows replaces no directory, not even an empty one.
    await rmdir(directory).catch(() => undefined);
    await rename(partial, directory);
    if (process.platform === "win32") return;
    const above = await open(dirname(directory), "r");
    try {
      await above.sync();
    } finally {
      await above.close();
    }
  } catch (cause) {
    throw new CommandError(`${directory} cannot be made: ${(cause as Error).message}`, { cause });
  }
}
