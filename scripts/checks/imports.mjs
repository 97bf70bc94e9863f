import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import rules from "../../.dependency-cruiser.mjs";
import { runTool } from "../run-tool.mjs";

const config = fileURLToPath(new URL("../../.dependency-cruiser.mjs", import.meta.url));

/**
 * Everything below `root` that `.dependency-cruiser.mjs` forbids: by rule, each import in words.
 *
 * @param {string} root
 * @returns {Promise<Map<string, Set<string>>>}
 */
export async function findForbiddenImports(root) {
  const folders = ["packages", "apps", "bench", "demo", "examples", "sim", "scripts"].filter((name) =>
    existsSync(`${root}/${name}`),
  );
  const args = ["--config", config, "--output-type", "json", ...folders];
  const { output } = await runTool("depcruise", args, { cwd: root, quiet: true });
  if (!output.startsWith("{")) throw new Error(`dependency-cruiser failed: ${output}`);
  const { summary } = /** @type {import("dependency-cruiser").ICruiseResult} */ (JSON.parse(output));
  /** @type {Map<string, Set<string>>} */
  const found = new Map();
  for (const violation of summary.violations) {
    const { name } = violation.rule;
    found.set(name, (found.get(name) ?? new Set()).add(inWords(violation)));
  }
  return found;
}

/** @param {import("dependency-cruiser").IViolation} violation */
function inWords({ type, from, to, cycle }) {
  if (type === "module") return from;
  return [from, ...(cycle?.map(({ name }) => name) ?? [to])].join(" → ");
}

/** @param {string} root */
export async function checkImports(root) {
  const found = await findForbiddenImports(root);
  for (const [name, imports] of found) {
    const comment = rules.forbidden?.find((rule) => rule.name === name)?.comment ?? "";
    console.log([`${name}: ${comment}`, ...imports].join("\n  "));
  }
  return found.size === 0;
}
