// The examples of the README at the top of the repository run and print what it says.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { freePorts } from "../../../scripts/free-ports.mjs";

let directory = "";
let examples: string[] = [];
let port = 0;

beforeAll(async () => {
  const readme = await readFile(new URL("../../../README.md", import.meta.url), "utf8");
  examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
  [port = 0] = await freePorts(1);
  // Inside a package, so that names resolve there.
  directory = await mkdtemp(fileURLToPath(new URL("workspace-readme-", import.meta.url)));
});
afterAll(() => rm(directory, { recursive: true }));

async function run(example: string, name: string): Promise<string[]> {
  const code = example
    .replaceAll("127.0.0.1:2346", `127.0.0.1:${port}`)
    .replace('directory: "data"', `directory: ${JSON.stringify(join(directory, "data"))}`);
  const file = join(directory, `${name}.ts`);
  await writeFile(file, code);
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await import(file);
    return log.mock.calls.map((words) => words.map(String).join(" "));
  } finally {
    log.mockRestore();
  }
}

test("there are two examples", () => {
  expect(examples).toHaveLength(2);
});

test("the sequential loop orders an update", async () => {
  const [example = ""] = examples;
  expect(example).toContain("prints 2 hello");
  expect(await run(example, "loop")).toEqual(["2 hello"]);
});

test("the replica answers from its state machine, and again after a restart", async () => {
  const [, example = ""] = examples;
  expect(example).toContain("// 2 2");
  expect(await run(example, "replica")).toEqual(["2 2"]);
  // The log has grown by the update and by the no-op of a new view; the sum was rebuilt from it.
  expect(await run(example, "replica-again")).toEqual(["4 4"]);
});
