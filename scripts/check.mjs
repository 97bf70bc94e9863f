// pnpm check [name...]: everything about the sources that can be checked without running them.
import { checkBreaking } from "./checks/breaking.mjs";
import { checkGenerated } from "./checks/generated.mjs";
import { checkImports } from "./checks/imports.mjs";
import { checkPackages } from "./checks/packages.mjs";
import { checkPurity } from "./checks/purity.mjs";
import { checkWorkflows } from "./checks/workflows.mjs";
import { root, runTool } from "./run-tool.mjs";

/**
 * @param {string} program
 * @param {...string} args
 */
const passes =
  (program, ...args) =>
  async () =>
    (await runTool(program, args)).status === 0;

/**
 * Each check prints what is wrong and where, and answers whether all is well.
 *
 * @type {Record<string, { run: () => Promise<boolean>, remedy: string }>}
 */
const checks = {
  lint: {
    run: passes("oxlint"),
    remedy: "Mend what is listed; `pnpm lint --fix` does some of it. Rules: .oxlintrc.json.",
  },
  format: {
    run: passes("oxfmt", "--check"),
    remedy: "Run `pnpm format`.",
  },
  typecheck: {
    run: passes("turbo", "run", "typecheck", "typecheck:scripts", "--output-logs=errors-only"),
    remedy: "Mend the type errors; `pnpm run typecheck` in a package's folder shows that package's.",
  },
  imports: {
    run: () => checkImports(root),
    remedy: "The layers stand at the top of .dependency-cruiser.mjs; ARCHITECTURE.md explains them.",
  },
  purity: {
    run: async () => checkPurity(root),
    remedy: "The core must be deterministic: take what is needed as an argument or through a port.",
  },
  "proto-lint": {
    run: async () => (await runTool("buf", ["lint"], { cwd: `${root}/packages/proto` })).status === 0,
    remedy: "Mend the .proto files; rules: packages/proto/buf.yaml.",
  },
  "proto-breaking": {
    run: () => checkBreaking(root),
    remedy: "Older nodes could not read this. Leave what exists as it is and add new fields or messages.",
  },
  "proto-generated": {
    run: () => checkGenerated(root),
    remedy: "Run `pnpm generate` and commit what it writes.",
  },
  unused: {
    run: passes("knip", "--no-config-hints"),
    remedy: "Remove what nobody uses, or name it in knip.json as an entry.",
  },
  packages: {
    run: () => checkPackages(root),
    remedy: "Mend exports, files or types in that package's package.json.",
  },
  workflows: {
    run: () => checkWorkflows(root),
    remedy: "Mend the workflow file.",
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(checks, name));
if (unknown.length > 0) {
  console.error(`No check named ${unknown.join(", ")}. There are: ${Object.keys(checks).join(", ")}.`);
  process.exit(2);
}

const failed = [];
for (const [name, { run, remedy }] of Object.entries(checks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n== ${name}`);
  const start = Date.now();
  const ok = await run();
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(ok ? `ok (${seconds} s)` : `FAILED (${seconds} s). ${remedy}`);
  if (!ok) failed.push(name);
}

if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(", ")}. To run one again: pnpm check ${failed[0]}`);
  process.exitCode = 1;
} else console.log("\nAll checks passed.");
