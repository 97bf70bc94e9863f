import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { runTool } from "../run-tool.mjs";

/**
 * Whether packages/proto/src/gen is what the generator makes of the .proto files now. Leaves the tree as it is.
 *
 * @param {string} root
 */
export async function checkGenerated(root) {
  const proto = join(root, "packages", "proto");
  const fresh = await mkdtemp(join(tmpdir(), "paxos-generated-"));
  try {
    const { status } = await runTool("buf", ["generate", "--output", fresh], { cwd: proto });
    if (status !== 0) return false;
    const differing = await differingFiles(join(fresh, "src", "gen"), join(proto, "src", "gen"));
    for (const file of differing) console.log(`packages/proto/src/gen/${file} does not fit its .proto file`);
    return differing.length === 0;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * The files that only one of two folders has, or whose contents differ. Line ends do not count.
 *
 * @param {string} one
 * @param {string} other
 */
export async function differingFiles(one, other) {
  const [left, right] = [await readTree(one), await readTree(other)];
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].filter((name) => left.get(name) !== right.get(name)).toSorted();
}

/** @param {string} folder */
async function readTree(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  /** @type {Map<string, string>} */
  const contents = new Map();
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1).replaceAll(sep, "/");
    contents.set(name, (await readFile(path, "utf8")).replaceAll("\r\n", "\n"));
  }
  return contents;
}
