import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { coreLayers, packageLayers } from "../../.dependency-cruiser.mjs";
import { findForbiddenImports } from "../checks/imports.mjs";
import { plant } from "./planted.mjs";

// The names are those of the layers as they stand, so that this test holds when they change.
const [highest = "", second = "", third = "", fourth = ""] = coreLayers.map(([name]) => name);
const [left = "", right = ""] = coreLayers.slice(4).find((layer) => layer.length > 1) ?? [];
const core = (/** @type {string} */ name) => `packages/core/src/${name}.ts`;

/**
 * Plants files in packages that are linked under the names `@paxos/proto`, `@paxos/replica` and so on, as pnpm does it,
 * and looks for forbidden imports among them.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} files
 */
async function forbiddenImports(t, files) {
  const names = ["proto", "core", "replica", "storage-level", "transport-connect", "unheard-of"];
  const root = await plant(t, {
    ...files,
    ...Object.fromEntries(names.map((name) => [`packages/${name}/package.json`, manifest])),
  });
  for (const name of names) {
    const link = join(root, "node_modules", "@paxos", name);
    await mkdir(dirname(link), { recursive: true });
    // Windows lets everybody make junctions, but not links.
    await symlink(join(root, "packages", name), link, "junction");
  }
  return findForbiddenImports(root);
}
const manifest = '{ "exports": { "@paxos/source": "./src/index.ts", "default": "./dist/index.js" } }';

test("imports that go down through the layers are allowed, and between packages of a layer for tests", async (t) => {
  const found = await forbiddenImports(t, {
    [core(highest)]: `export { a } from "./${second}.js"; export type { A } from "./${third}.js";`,
    [core(second)]: `import type { A } from "./${third}.js"; export const a: A = 1;`,
    [core(third)]: 'import type { P } from "@paxos/proto"; export type A = P;',
    "packages/core/src/index.test.ts": `import { readFileSync } from "node:fs"; import "./${highest}.js";`,
    "packages/proto/src/index.ts": "export type P = number;",
    "packages/replica/src/index.ts": `export { a } from "@paxos/core";`,
    "packages/replica/test/cluster.test.ts": `import "@paxos/storage-level"; import "../src/index.js";`,
    "packages/storage-level/src/index.ts": `export { a } from "@paxos/core"; import "node:fs";`,
    "apps/server/src/main.ts": `import "@paxos/replica"; import "@paxos/storage-level";`,
  });
  assert.deepEqual(found, new Map());
});

test("what is forbidden is reported", async (t) => {
  const cycle = ["packages/storage-level/src/a.ts", "packages/storage-level/src/b.ts"];
  const replica = "packages/replica/src/index.ts";
  const found = await forbiddenImports(t, {
    [core(highest)]: 'import "./read-but-unheard-of.js";',
    [core(second)]: 'export { b } from "./planted.test.js";',
    [core(third)]: `import type { A } from "./${second}.js"; export type { A };`,
    [core(fourth)]: 'import { readFileSync } from "node:fs"; import "@paxos/replica";',
    [core(left)]: `export { a } from "./${right}.js";`,
    [core(right)]: "export const a = 1;",
    [core("unheard-of")]: `import "./${right}.js";`,
    [core("read-but-unheard-of")]: "export {};",
    [core("lone-and-unheard-of")]: "export {};",
    "packages/core/src/planted.test.ts": "export const b = 1;",
    [replica]: `export { a } from "../../core/src/${right}.js"; import "not-installed";`,
    "packages/replica/src/utils.ts": "export {};",
    "packages/storage-level/src/index.ts": 'import type {} from "@paxos/replica";',
    "packages/storage-level/src/a.ts": 'import type { B } from "./b.js"; export type A = B | 1;',
    "packages/storage-level/src/b.ts": 'import type { A } from "./a.js"; export interface B { a: A }',
    "packages/unheard-of/src/index.ts": "export {};",
  });
  const ruleOf = (/** @type {string} */ file) =>
    `layers-of-core-${coreLayers.find((layer) => layer.includes(file))?.join("-")}`;
  /** @type {Record<string, [rule: string, ...violations: string[]]>} */
  const expected = {
    "an upward import inside the core, type-only too": [ruleOf(third), `${core(third)} → ${core(second)}`],
    "a sideways import inside the core": [ruleOf(left), `${core(left)} → ${core(right)}`],
    "a file of the core that is in no layer, imported or not": [
      "layers-of-core-unknown-file",
      core("lone-and-unheard-of"),
      core("read-but-unheard-of"),
      core("unheard-of"),
    ],
    "a node: module in the core": ["core-stands-alone", `${core(fourth)} → fs`],
    "a cycle of type-only imports": ["no-cycle", [...cycle, cycle[0]].join(" → ")],
    "a package that imports upwards": ["layers-of-packages-upwards-1", `${core(fourth)} → ${replica}`],
    "a package that imports sideways": [
      "layers-of-packages-sideways-3",
      `packages/storage-level/src/index.ts → ${replica}`,
    ],
    "a package in no layer": ["layers-of-packages-unknown-package", "packages/unheard-of/src/index.ts"],
    "a package that is imported by path": ["packages-by-name", `${replica} → ${core(right)}`],
    "a package that is not installed": ["no-unresolved-import", `${replica} → not-installed`],
    "a source that imports from tests": [
      "no-tests-in-sources",
      `${core(second)} → packages/core/src/planted.test.ts`,
    ],
    "a file that is named by no subject": ["name-by-subject", "packages/replica/src/utils.ts"],
  };
  for (const [what, [rule, ...violations]] of Object.entries(expected)) {
    await t.test(what, () => {
      const reported = [...(found.get(rule) ?? [])];
      for (const violation of violations)
        assert.ok(reported.includes(violation), `${rule}: ${reported.join()}`);
    });
  }
  await t.test("and nothing else", () => {
    const rules = Object.values(expected).map(([rule]) => rule);
    assert.deepEqual(new Set(found.keys()), new Set(rules));
  });
  assert.ok(!packageLayers.flat().includes("packages/unheard-of"));
});
