import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { checkBreaking } from "../checks/breaking.mjs";
import { differingFiles } from "../checks/generated.mjs";
import { runTool } from "../run-tool.mjs";
import { plant } from "./planted.mjs";

const protoFile = "packages/proto/proto/a.proto";
const before = 'syntax = "proto3";\npackage a;\nmessage A {\n  uint64 seq = 1;\n}\n';
const compatible = before.replace("}", "  uint64 view = 2;\n}");
const breaking = before.replace("uint64 seq = 1", "uint64 seq = 2");

/**
 * A repository with one commit of `before`.
 *
 * @param {import("node:test").TestContext} t
 */
async function repository(t) {
  const root = await plant(t, {
    [protoFile]: before,
    "packages/proto/buf.yaml": "version: v2\nmodules:\n  - path: proto\nbreaking:\n  use: [FILE]\n",
  });
  await git(root, "init", "--quiet", "--initial-branch", "main");
  await commit(root);
  return root;
}

/** @param {string} root @param {...string} args */
async function git(root, ...args) {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
  const { status, output } = await runTool("git", [...identity, ...args], { cwd: root, quiet: true });
  assert.equal(status, 0, output);
}

/** @param {string} root */
async function commit(root) {
  await git(root, "add", ".");
  await git(root, "commit", "--quiet", "--allow-empty", "--message", "change");
}

test("the first commit has nothing to be compared with", async (t) => {
  const root = await repository(t);
  await writeFile(join(root, protoFile), breaking);
  assert.equal(await checkBreaking(root), true);
});

test("on main, the working tree is compared with the commit before", async (t) => {
  const root = await repository(t);
  await writeFile(join(root, protoFile), compatible);
  await commit(root);
  assert.equal(await checkBreaking(root), true);
  await writeFile(join(root, protoFile), breaking);
  assert.equal(await checkBreaking(root), false);
});

test("on a branch, the working tree is compared with where the branch left main", async (t) => {
  const root = await repository(t);
  await git(root, "checkout", "--quiet", "-b", "branch");
  await writeFile(join(root, protoFile), breaking);
  await commit(root);
  await commit(root);
  assert.equal(await checkBreaking(root), false);
});

test("a shallow clone that lacks the commit before has nothing to be compared with", async (t) => {
  const root = await repository(t);
  await commit(root);
  const clone = await plant(t, {});
  await git(clone, "clone", "--quiet", "--depth", "1", pathToFileURL(root).href, clone);
  assert.equal(await checkBreaking(clone), true);
});

test("a generated file that differs, is missing or is left over is named", async (t) => {
  const generated = await plant(t, { "v1/same.ts": "1\n", "v1/other.ts": "1\n", "new.ts": "" });
  const committed = await plant(t, { "v1/same.ts": "1\r\n", "v1/other.ts": "2\n", "old.ts": "" });
  assert.deepEqual(await differingFiles(generated, committed), ["new.ts", "old.ts", "v1/other.ts"]);
  assert.deepEqual(await differingFiles(committed, committed), []);
});
