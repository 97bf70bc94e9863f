// The README's example is run as it stands there.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the example runs, and has one update more the second time", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  expect(example).toContain("classicLevelStorage");
  // Inside the package, so that its imports resolve.
  const directory = await mkdtemp(join(root, "test", "readme-"));
  try {
    const file = join(directory, "example.ts");
    await writeFile(file, example);
    const register = new URL("register-typescript.mjs", import.meta.url).href;
    const options = ["--conditions=@paxos/source", "--disable-warning=DEP0205", "--import", register, file];
    const run = async () => (await promisify(execFile)(process.execPath, options, { cwd: directory })).stdout;
    expect(await run()).toMatch(
      /^store [0-9a-f]+, 0 saves so far, 0 runs not yet ordered\n\[ 'update 1' \]\n$/,
    );
    expect(await run()).toMatch(
      /^store [0-9a-f]+, 1 saves so far, 0 runs not yet ordered\n\[ 'update 1', 'update 2' \]\n$/,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 120_000);
