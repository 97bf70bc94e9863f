import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, jest, test } from "@jest/globals";

test("the README's example runs and prints what the README says", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const [, code = "", , expected = ""] = /```ts\n(.*?)```(.*?)```\n(.*?)```/s.exec(readme) ?? [];
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  // Inside the package, so that its own name resolves there.
  const directory = await mkdtemp(fileURLToPath(new URL("readme-", import.meta.url)));
  try {
    const file = join(directory, "example.ts");
    await writeFile(file, code);
    await import(file);
    expect(`${log.mock.calls.map(([line]) => String(line)).join("\n")}\n`).toBe(expected);
  } finally {
    log.mockRestore();
    await rm(directory, { recursive: true });
  }
});
