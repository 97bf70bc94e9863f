import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runPnpm, runTool } from "../run-tool.mjs";

/**
 * Whether every package that is to be published has the shape that its users need: what its package.json names is in the
 * tarball, in the form it claims, with types, and the rest is not. Builds what is missing.
 *
 * @param {string} root
 */
export async function checkPackages(root) {
  const built = await runTool("turbo", ["run", "build", "--output-logs=errors-only"], { cwd: root });
  if (built.status !== 0) return false;
  const scratch = await mkdtemp(join(tmpdir(), "paxos-packages-"));
  let ok = true;
  try {
    for (const folder of await publishedPackages(root)) {
      const problems = await packageProblems(folder, scratch);
      for (const problem of problems) console.log(problem);
      ok &&= problems.length === 0;
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return ok;
}

/**
 * What is wrong with the tarball of one package.
 *
 * @param {string} folder the package
 * @param {string} scratch where the tarball goes
 * @returns {Promise<string[]>}
 */
export async function packageProblems(folder, scratch) {
  const manifest = await readManifest(folder);
  const packed = await runPnpm(["pack", "--json", "--pack-destination", scratch], {
    cwd: folder,
    quiet: true,
  });
  if (packed.status !== 0) return [`${manifest.name}: cannot be packed:\n${packed.output}`];
  const { filename, files } = /** @type {{ filename: string, files: { path: string }[] }} */ (
    JSON.parse(packed.output.slice(packed.output.indexOf("{")))
  );
  const tools = [runTool("publint", ["run", filename, "--strict"], { quiet: true })];
  // Programs have nothing to import.
  if (manifest.exports !== undefined) {
    tools.push(runTool("attw", [filename, "--profile", "esm-only", "--no-color"], { quiet: true }));
  }
  const results = await Promise.all(tools);
  return [
    ...manifestProblems(manifest, new Set(files.map(({ path }) => path))),
    ...results.filter(({ status }) => status !== 0).map(({ output }) => output.trim()),
  ].map((problem) => `${manifest.name}: ${problem}`);
}

/**
 * @typedef {{
 *   name: string, private?: boolean, license?: string, type?: string, description?: string,
 *   engines?: { node?: string }, exports?: unknown, files?: string[]
 * }} Manifest
 */

/**
 * What publint does not ask for.
 *
 * @param {Manifest} manifest
 * @param {ReadonlySet<string>} files those of the tarball
 */
function manifestProblems(manifest, files) {
  const problems = [];
  if (manifest.license !== "Apache-2.0") problems.push('license must be "Apache-2.0"');
  if (manifest.type !== "module") problems.push('type must be "module"');
  if (manifest.engines?.node === undefined) problems.push("engines.node is missing");
  if (manifest.description === undefined) problems.push("description is missing");
  if (manifest.files === undefined) problems.push("files is missing: everything would be published");
  if (!files.has("README.md")) problems.push("there is no README.md");
  for (const file of files) if (/[.]test[.]/.test(file)) problems.push(`${file} must not be published`);
  return problems;
}

/** @param {string} root */
async function publishedPackages(root) {
  const folders = [];
  for (const group of ["packages", "apps"]) {
    for (const name of await readdir(join(root, group))) {
      const folder = join(root, group, name);
      if ((await readManifest(folder)).private !== true) folders.push(folder);
    }
  }
  return folders;
}

/** @param {string} folder */
async function readManifest(folder) {
  return /** @type {Manifest} */ (JSON.parse(await readFile(join(folder, "package.json"), "utf8")));
}
