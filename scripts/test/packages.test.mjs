import assert from "node:assert/strict";
import { test } from "node:test";
import { packageProblems } from "../checks/packages.mjs";
import { plant } from "./planted.mjs";

const manifest = {
  name: "@planted/good",
  version: "1.0.0",
  description: "A package.",
  license: "Apache-2.0",
  type: "module",
  engines: { node: ">=20.19" },
  repository: { type: "git", url: "git+https://example.org/planted.git" },
  sideEffects: false,
  exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } },
  files: ["dist"],
};

/**
 * @param {import("node:test").TestContext} t
 * @param {object} changes to the manifest of a good package
 * @param {Record<string, string>} [files]
 */
async function problemsWith(t, changes, files = {}) {
  const folder = await plant(t, {
    "package.json": JSON.stringify({ ...manifest, ...changes }),
    "README.md": "A package.",
    "dist/index.js": "export const a = 1;\n",
    "dist/index.d.ts": "export declare const a = 1;\n",
    ...files,
  });
  return (await packageProblems(folder, await plant(t, {}))).join("\n");
}

test("a good package has no problems", async (t) => {
  assert.equal(await problemsWith(t, {}), "");
});

test("an export of a file that is not published is reported", async (t) => {
  const exports = { ".": { types: "./dist/index.d.ts", default: "./dist/missing.js" } };
  assert.match(await problemsWith(t, { exports }), /@planted\/good: .*missing\.js/s);
});

test("an export without types is reported", async (t) => {
  const exports = { ".": "./dist/plain.js" };
  assert.match(await problemsWith(t, { exports }, { "dist/plain.js": "export {};" }), /UntypedResolution/);
});

test("what the package's own rules ask for is reported", async (t) => {
  const problems = await problemsWith(t, { license: "MIT", engines: {} }, { "dist/a.test.js": "" });
  assert.match(problems, /license must be "Apache-2.0"/);
  assert.match(problems, /engines\.node is missing/);
  assert.match(problems, /dist\/a\.test\.js must not be published/);
});
