import assert from "node:assert/strict";
import { test } from "node:test";
import { workflowProblems } from "../checks/workflows.mjs";

const job = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: pnpm test\n";

test("a workflow that GitHub takes has no problems", () => {
  assert.deepEqual(workflowProblems(job), []);
});

test("broken YAML is reported, with the line", () => {
  assert.match(workflowProblems("on: [push\n").join("\n"), /parse_error.*line 2/);
});

test("a misspelt key is reported", () => {
  assert.match(workflowProblems(job.replace("steps", "stepz")).join("\n"), /stepz/);
});

test("a job that needs an unknown one is reported", () => {
  assert.match(workflowProblems(`${job}    needs: [b]\n`).join("\n"), /unresolved job b/);
});
