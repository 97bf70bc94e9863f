import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/**
 * Writes files into a folder that is removed when the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} files contents by path
 */
export async function plant(t, files) {
  const root = await mkdtemp(join(tmpdir(), "paxos-scripts-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}
