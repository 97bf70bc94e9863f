import { join } from "node:path";
import { runTool } from "../run-tool.mjs";

/**
 * Whether nodes of the last state of main can still read what the .proto files of the working tree say. That state is
 * the commit in BREAKING_BASE, if set; else where this branch left main; on main itself, the commit before. A first or shallow
 * commit has nothing to be compared with.
 *
 * @param {string} root
 */
export async function checkBreaking(root) {
  const base = await baseCommit(root);
  if (base === undefined) {
    console.log("No earlier commit is here to compare with.");
    return true;
  }
  const listed = await git(root, "ls-tree", "--name-only", base, "packages/proto/buf.yaml");
  if (!listed) {
    console.log(`${base} has no packages/proto to compare with.`);
    return true;
  }
  const against = `${await gitFolder(root)}#ref=${base},subdir=packages/proto`;
  const { status } = await runTool("buf", ["breaking", "--against", against], {
    cwd: join(root, "packages", "proto"),
  });
  if (status !== 0) console.log(`Compared with commit ${base}.`);
  return status === 0;
}

/** @param {string} root */
async function baseCommit(root) {
  const given = process.env["BREAKING_BASE"];
  if (given && (await commitOf(root, given))) return commitOf(root, given);
  const head = await commitOf(root, "HEAD");
  for (const main of ["origin/main", "main"]) {
    const base = (await commitOf(root, main)) && (await git(root, "merge-base", "HEAD", main));
    if (base && base !== head) return base;
  }
  return commitOf(root, "HEAD~1");
}

/**
 * @param {string} root
 * @param {string} name
 */
function commitOf(root, name) {
  return git(root, "rev-parse", "--verify", "--quiet", `${name}^{commit}`);
}

// In a worktree, .git is a file; buf wants the folder that holds the objects.
/** @param {string} root */
async function gitFolder(root) {
  return (await git(root, "rev-parse", "--path-format=absolute", "--git-common-dir")) ?? join(root, ".git");
}

/**
 * @param {string} root
 * @param {...string} args
 * @returns {Promise<string | undefined>} what git printed; undefined when it failed or printed nothing
 */
async function git(root, ...args) {
  const { status, output } = await runTool("git", args, { cwd: root, quiet: true });
  return status === 0 && output.trim() !== "" ? output.trim() : undefined;
}
