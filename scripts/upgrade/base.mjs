// The commit that is upgraded from: which it is, and how it is built.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runPnpm, runTool } from "../run-tool.mjs";
import { watchGroup } from "./processes.mjs";

/**
 * A commit, or why there is none, and with which status to end because of that.
 *
 * @typedef {{ commit: string, title: string } | { why: string, status: 0 | 1 | 2 }} Base
 */

/**
 * @param {string} root
 * @param {string | undefined} wanted undefined: the commit before the one that is checked out
 * @returns {Promise<Base>}
 */
export async function findBase(root, wanted) {
  const ref = wanted ?? "HEAD~1";
  const head = await git(root, "cat-file", "commit", "HEAD");
  if (head.status !== 0)
    return { why: `there is no history of git to take ${ref} from: ${head.output}`, status: 1 };
  const found = await git(root, "rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
  const commit = found.output;
  if (found.status !== 0) {
    // Also a shallow clone names the parents that it has left out.
    if (wanted === undefined && !/^parent /m.test(head.output.split("\n\n")[0] ?? ""))
      return {
        why: "the commit that is checked out is the first one: there is nothing to upgrade from",
        status: 0,
      };
    const { output: shallow } = await git(root, "rev-parse", "--is-shallow-repository");
    if (shallow !== "true") return { why: `${ref} is no commit`, status: 2 };
    const remedy =
      wanted === undefined
        ? "git fetch --deepen 1 gets it; in CI, give actions/checkout `fetch-depth: 2`"
        : "git fetch --unshallow gets all there is; in CI, give actions/checkout `fetch-depth: 0`";
    return { why: `${ref} is missing, for the history here is shallow. ${remedy}`, status: 1 };
  }
  const server = await git(root, "cat-file", "-e", `${commit}:./apps/server/package.json`);
  if (server.status !== 0)
    return {
      why: `${ref} (${commit.slice(0, 10)}) has no apps/server: there is nothing to upgrade from`,
      status: 0,
    };
  return { commit, title: (await git(root, "log", "-1", "--format=%h %s", commit)).output };
}

/**
 * What is checked out, in words.
 *
 * @param {string} root
 */
export async function describeHead(root) {
  const { output: title } = await git(root, "log", "-1", "--format=%h %s");
  const { output: changes } = await git(root, "status", "--porcelain");
  return changes === "" ? title : `${title}, with changes that are not committed`;
}

/**
 * The steps that make a build of a commit in a folder, by name.
 *
 * @param {string} root
 * @param {string} commit
 * @param {string} folder
 * @returns {[name: string, run: () => Promise<void>][]}
 */
export function stepsToBuild(root, commit, folder) {
  const archive = `${folder}.tar`;
  const inFolder = { cwd: folder, quiet: true, onSpawn: watchGroup };
  return [
    [
      "take the base's files",
      async () => {
        mkdirSync(folder);
        await mustPass(
          "git archive",
          runTool("git", ["archive", "-o", archive, commit], { cwd: root, quiet: true }),
        );
        await mustPass("tar", runTool("tar", ["-xf", archive], inFolder));
        // In a repository of its own, turbo computes the hashes that it computes in any checkout of this commit.
        await mustPass("git init", runTool("git", ["init", "--quiet"], inFolder));
        await mustPass("git add", runTool("git", ["add", "--all"], inFolder));
      },
    ],
    [
      "install what it needs",
      async () => {
        // Without scripts: the root's would build everything.
        const args = [
          "install",
          "--frozen-lockfile",
          "--prefer-offline",
          "--ignore-scripts",
          ...storeOf(root),
        ];
        await mustPass("pnpm install", runPnpm(args, inFolder));
      },
    ],
    [
      "build its programs",
      async () => {
        // The cache of this checkout has it when the base was built here before, or has the same sources.
        const cache = `--cache-dir=${join(root, ".turbo", "cache")}`;
        const filters = ["--filter=paxos-server", "--filter=paxos-client"];
        const args = ["run", "build", ...filters, "--output-logs=errors-only", cache];
        const output = await mustPass("turbo run build", runTool("turbo", args, inFolder));
        const [cached = ""] = /\d+ cached, \d+ total/.exec(output) ?? [];
        if (cached !== "") console.log(`      (packages: ${cached})`);
      },
    ],
  ];
}

/**
 * Where the packages of this checkout came from. Another disk than the temporary folder's, perhaps: pnpm would take another store.
 *
 * @param {string} root
 */
function storeOf(root) {
  try {
    const modules = readFileSync(join(root, "node_modules", ".modules.yaml"), "utf8");
    const [, quoted] = /"?storeDir"?: ("[^"]*")/.exec(modules) ?? [];
    return quoted === undefined ? [] : ["--store-dir", String(JSON.parse(quoted))];
  } catch {
    return [];
  }
}

/**
 * @param {string} what
 * @param {ReturnType<typeof runTool>} run
 */
async function mustPass(what, run) {
  const { status, output } = await run;
  if (status !== 0) throw new Error(`${what} of the base failed, status ${status}:\n${output}`);
  return output;
}

/**
 * @param {string} root
 * @param {...string} args
 */
async function git(root, ...args) {
  const { status, output } = await runTool("git", args, { cwd: root, quiet: true });
  return { status, output: output.trim() };
}
