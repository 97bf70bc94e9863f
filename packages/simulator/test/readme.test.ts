// The README's examples compile, run, and fail or print as the README says. After a change of the core or of the
// simulator their output is another: PAXOS_REWRITE=1 pnpm test readme
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import ts from "typescript";
import { profileNames, profiles } from "../src/index.js";
import { Violation } from "../src/violation.js";
import { takeTests } from "./collected-tests.js";

const rewrites = process.env["PAXOS_REWRITE"] === "1";
const root = fileURLToPath(new URL("..", import.meta.url));
const readmePath = join(root, "README.md");
let readme = "";
let directory = "";
let files: string[] = [];

beforeAll(async () => {
  readme = await readFile(readmePath, "utf8");
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
  // Inside the package, so that its own name resolves there.
  directory = await mkdtemp(join(root, "test", "readme-"));
  files = examples.map((_, i) => join(directory, `example-${i}.ts`));
  await Promise.all(files.map((file, i) => writeFile(file, examples[i] as string)));
});
afterAll(() => rm(directory, { recursive: true }));

test("the examples have no type errors", () => {
  expect(files).toHaveLength(4);
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "tsconfig.json"),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
      },
    },
  );
  const program = ts.createProgram(files, config?.options ?? {});
  const errors = files.flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  expect(errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
});

test("the lock service's test fails as shown", async () => {
  const violation = await failureOf(0);
  expect(violation.checker).toBe("one-order");
  await expectShown("The test fails with", String(violation));
});

test("that of the mended one passes", async () => {
  await expect(runTest(1)).resolves.toBeUndefined();
});

test("the seat sale's test fails as shown", async () => {
  const violation = await failureOf(2);
  expect(violation.checker).toBe("workload");
  await expectShown("It fails with", String(violation));
});

test("the replay prints what is shown", async () => {
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  let printed = "";
  try {
    await import(files[3] as string);
    printed = log.mock.calls.map(([line]) => String(line)).join("\n");
  } finally {
    log.mockRestore();
  }
  expect(printed).toContain("VIOLATION [one-order]");
  await expectShown("It prints", printed);
});

test("the table of profiles is that of the code", async () => {
  const rows = profileNames.map((name) => [`\`${name}\``, profiles[name].about]);
  if (rewrites) {
    const table = [
      "| profile | what it is about |",
      "| --- | --- |",
      ...rows.map((row) => `| ${row.join(" | ")} |`),
    ];
    await rewrite(/\| profile [\s\S]*?\n(?=\n)/, `${table.join("\n")}\n`);
  }
  const shown = readme.split("\n").flatMap((line) => {
    const [, name = "", about = "", ...rest] = line.split("|").map((cell) => cell.trim());
    return rest.length === 1 && rows.some(([known]) => known === name) ? [[name, about]] : [];
  });
  expect(shown).toEqual(rows);
});

/** Runs the one test of an example, with a stand-in for the test runner. */
async function runTest(example: number): Promise<void> {
  const file = files[example] as string;
  const code = await readFile(file, "utf8");
  const runnable = file.replace("example", "runnable");
  await writeFile(runnable, code.replace('"@jest/globals"', '"../collected-tests.js"'));
  await import(runnable);
  const tests = takeTests();
  expect(tests).toHaveLength(1);
  await tests[0]?.body();
}

async function failureOf(example: number): Promise<Violation> {
  const error: unknown = await runTest(example).catch((reason: unknown) => reason);
  if (error instanceof Violation) return error;
  throw new Error("the example does not fail as it should", { cause: error });
}

/** The block behind these words shows this. */
async function expectShown(words: string, output: string): Promise<void> {
  const block = new RegExp(`(\\n${words}\\n\\n\`\`\`\\n)([\\s\\S]*?)\\n\`\`\`\\n`);
  if (rewrites) await rewrite(block, `$1${output.replaceAll("$", "$$$$")}\n\`\`\`\n`);
  expect(block.exec(readme)?.[2]).toBe(output);
}

async function rewrite(what: RegExp, by: string): Promise<void> {
  readme = readme.replace(what, by);
  await writeFile(readmePath, readme);
}
