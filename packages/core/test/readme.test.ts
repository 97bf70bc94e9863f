// The README's example is the file that runs here, and prints what the README says.
import { readFile } from "node:fs/promises";
import { expect, jest, test } from "@jest/globals";
import { validateConfig } from "../src/config.js";
import { firstEpoch } from "../src/membership.js";

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), "utf8");

test("the example runs, and the README shows it and what it prints", async () => {
  const readme = await read("../README.md");
  const [, example, printed] = /```ts\n([\s\S]*?)```[\s\S]*?```\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(example).toBe(await read("./readme-example.ts"));
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await import("./readme-example.js");
    expect(`${log.mock.calls.map(([line]) => String(line)).join("\n")}\n`).toBe(printed);
  } finally {
    log.mockRestore();
  }
});

test("the README's table of settings names each with its default", async () => {
  const readme = await read("../README.md");
  const defaults = validateConfig({ nodeId: 0, epochRecord: firstEpoch(["a:2346"]), seed: 1 });
  const numbers = Object.entries(defaults).filter(([name]) => /(Ticks|Updates|Bytes)$/.test(name));
  expect(numbers.map(([name]) => name)).toContain("heartbeatTicks");
  const rows = readme.split("\n").map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim())
      .slice(1, 3),
  );
  for (const [name, value] of numbers) {
    expect(rows).toContainEqual([`\`${name}\``, withUnit(name, Number(value))]);
  }
});

function withUnit(name: string, value: number): string {
  if (!name.endsWith("Bytes")) return value.toLocaleString("en");
  return value < 2 ** 20 ? `${value / 2 ** 10} KiB` : `${value / 2 ** 20} MiB`;
}
