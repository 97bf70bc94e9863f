// A small file beside the database that says that a store was made here, and which. Without it, a directory whose files have
// been lost could not be told from a new one, and a node would begin anew what it has promised before.
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@paxos/core";
import { FORMAT } from "./layout.js";
import { explain } from "./explain-error.js";
import { isError, StorageError } from "./storage-error.js";

/** Where the id of a store is kept besides its database. */
export interface StoreMarker {
  /** The id of the store that was made here; undefined when none was. */
  read(): Promise<bigint | undefined>;
  /** Makes durable that a store was made here. Called once its records are. */
  write(storeId: bigint): Promise<void>;
}

/** The name of the file. */
export const MARKER_FILE = "PAXOS";

/** The marker in the directory of a store. */
export function fileMarker(directory: string): StoreMarker {
  const path = join(directory, MARKER_FILE);
  return {
    read: async () => {
      const text = await readFile(path, "latin1").catch((error: unknown) => {
        if (isError(error) && "code" in error && error.code === "ENOENT") return undefined;
        throw explain(directory, error);
      });
      return text === undefined ? undefined : parse(path, text);
    },
    write: async (storeId) => {
      try {
        // In two steps, so that it is never there in part.
        const temporary = `${path}.new`;
        await writeDurably(temporary, format(storeId));
        await rename(temporary, path);
        await syncDirectory(directory);
      } catch (error) {
        throw explain(directory, error);
      }
    },
  };
}

/** Makes durable which files a directory has. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, "w", 0o600);
  try {
    await handle.writeFile(text, "latin1");
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function format(storeId: bigint): string {
  return `Storage of a Paxos node. Do not remove.\nformat ${FORMAT}\nstore ${storeId.toString(16).padStart(16, "0")}\n`;
}

function parse(path: string, text: string): bigint {
  const version = /^format (\d{1,9})$/m.exec(text)?.[1];
  if (version !== undefined && version !== String(FORMAT)) {
    throw new ConfigError(
      `${path} says format ${version}, this version reads format ${FORMAT} only. ` +
        "Run the version that wrote it, or replace this member, with an empty directory.",
    );
  }
  const storeId = BigInt(`0x${/^store ([0-9a-f]{16})$/m.exec(text)?.[1] ?? "0"}`);
  if (storeId === 0n || text !== format(storeId)) {
    throw new StorageError(
      `${path} is not what this program writes there. The storage is damaged: replace this member.`,
    );
  }
  return storeId;
}
