// Whether a disk takes what is written to it.
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

/** What LevelDB writes, at most, when it opens a store and is given the first saves: twice its write buffer. */
const PROBE_BYTES = 8 * 1024 * 1024;

/** Writes a file into the directory and removes it again. Resolves when the disk answers, with whether it could. */
export async function takesWrites(directory: string): Promise<boolean> {
  const file = join(directory, "probe");
  try {
    const handle = await open(file, "w", 0o600);
    try {
      await handle.writeFile(new Uint8Array(PROBE_BYTES));
      await handle.sync();
    } finally {
      await handle.close();
    }
    return true;
  } catch {
    return false;
  } finally {
    await rm(file, { force: true }).catch(() => undefined);
  }
}
