// The README's example compiles, runs, and prints what the README says.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import ts from "typescript";
import { freePorts } from "../../../scripts/free-ports.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
let directory = "";
let file = "";
let example = "";
let printed = "";

beforeAll(async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  [, example = "", printed = ""] = /```ts\n([\s\S]*?)```[\s\S]*?```\n([\s\S]*?)```/.exec(readme) ?? [];
  const ports = await freePorts(1);
  const written = example.replace(/127\.0\.0\.1:(\d+)/g, () => `127.0.0.1:${ports.pop()}`);
  if (ports.length > 0) throw new Error("the example names no port");
  // Inside the package, so that its own name resolves there.
  directory = await mkdtemp(join(root, "test", "readme-"));
  file = join(directory, "example.ts");
  await writeFile(file, written);
});
afterAll(() => rm(directory, { recursive: true }));

test("the example is short and has no type errors", () => {
  expect(example.split("\n").filter((line) => line.trim() !== "").length).toBeLessThan(50);
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
  const program = ts.createProgram([file], config?.options ?? {});
  const source = program.getSourceFile(file);
  const errors = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  expect(errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
});

test("the example runs and prints what the README says", async () => {
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await import(file);
    expect(`${log.mock.calls.map(([line]) => String(line)).join("\n")}\n`).toBe(printed);
  } finally {
    log.mockRestore();
  }
});
