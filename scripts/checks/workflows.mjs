import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { validateWorkflow } from "@action-validator/core";

/**
 * Whether every file in .github/workflows is a workflow that GitHub would take.
 *
 * @param {string} root
 */
export async function checkWorkflows(root) {
  const folder = join(root, ".github", "workflows");
  let ok = true;
  for (const name of await readdir(folder)) {
    for (const problem of workflowProblems(await readFile(join(folder, name), "utf8"))) {
      console.log(`.github/workflows/${name}: ${problem}`);
      ok = false;
    }
  }
  return ok;
}

/**
 * What is wrong with a workflow.
 *
 * @param {string} yaml
 * @returns {string[]}
 */
export function workflowProblems(yaml) {
  return validateWorkflow(yaml).errors.map((error) => JSON.stringify(error));
}
