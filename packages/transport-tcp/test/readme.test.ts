import { expect, jest, test } from "@jest/globals";
import { readFile } from "node:fs/promises";

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), "utf8");

test("the example of the README is the one that runs here", async () => {
  const [, block] = /```ts\n([\s\S]*?)```/.exec(await read("../README.md")) ?? [];
  expect(block).toBe(await read("./readme-example.ts"));
});

test("the example runs", async () => {
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  await import("./readme-example.js");
  expect(log.mock.calls).toEqual([["ordered at 1 and 2"]]);
  log.mockRestore();
});
