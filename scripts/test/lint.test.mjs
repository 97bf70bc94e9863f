import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { root, runTool } from "../run-tool.mjs";
import { plant } from "./planted.mjs";

const mistakes = {
  "typescript(no-floating-promises)": "export function a(): void { load(); }",
  "typescript(no-misused-promises)": "export function a(): void { if (load()) return; }",
  "typescript(await-thenable)": "export async function a(): Promise<void> { await 1; }",
  "typescript(no-explicit-any)": "export const a = (x: any): void => void x;",
  "typescript(switch-exhaustiveness-check)":
    "export function a(x: 1 | 2): number { switch (x) { case 1: return 1; } return 2; }",
  "eslint(no-warning-comments)": "export const a = 1; // TODO finish",
  "import(no-default-export)": "export default 1;",
};

test("the linter finds floating promises and what else the rules forbid", async (t) => {
  const files = Object.values(mistakes).map((code, index) => [
    `src/mistake-${index}.ts`,
    `${/load/.test(code) ? "declare function load(): Promise<boolean>;\n" : ""}${code}\n`,
  ]);
  const folder = await plant(t, {
    .../** @type {Record<string, string>} */ (Object.fromEntries(files)),
    ".oxlintrc.json": await readFile(join(root, ".oxlintrc.json"), "utf8"),
    "tsconfig.json": '{ "compilerOptions": { "strict": true, "types": [] }, "include": ["src"] }',
  });
  const { status, output } = await runTool("oxlint", ["--format", "unix"], { cwd: folder, quiet: true });
  assert.equal(status, 1);
  for (const [index, rule] of Object.keys(mistakes).entries()) {
    const lines = output.split("\n").filter((line) => line.includes(`mistake-${index}.ts:`));
    assert.ok(
      lines.some((line) => line.includes(rule)),
      `${rule} is not among:\n${lines.join("\n")}`,
    );
  }
});
