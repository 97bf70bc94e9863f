import { readFileSync } from "node:fs";
import { expect, jest, test } from "@jest/globals";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

test("the README's example is test/readme-example.ts, and prints what the README says", async () => {
  const readme = read("../README.md");
  expect(/```ts\n(.*?)```/s.exec(readme)?.[1]).toBe(read("readme-example.ts"));
  const print = jest.spyOn(console, "log").mockImplementation(() => undefined);
  await import("./readme-example.js");
  const printed = print.mock.calls.map(([line]) => String(line));
  print.mockRestore();
  expect(printed).toHaveLength(1);
  expect(readme).toContain(`It prints \`${printed[0]}\`.`);
});
