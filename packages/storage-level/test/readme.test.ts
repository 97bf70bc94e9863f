// The README's examples are run as they stand there.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the examples run; the first has one update more the second time", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] ?? "");
  expect(examples).toHaveLength(2);
  // Inside the package, so that its imports resolve.
  const directory = await mkdtemp(join(root, "test", "readme-"));
  try {
    const files = examples.map((_, i) => join(directory, `example-${i}.ts`));
    for (const [i, file] of files.entries()) await writeFile(file, examples[i] ?? "");
    const register = new URL("register-typescript.mjs", import.meta.url).href;
    const options = ["--conditions=@paxos/source", "--disable-warning=DEP0205", "--import", register];
    const run = async (i: number) =>
      (await promisify(execFile)(process.execPath, [...options, files[i] ?? ""], { cwd: directory })).stdout;
    expect(await run(0)).toMatch(
      /^store [0-9a-f]+, 0 saves so far, 0 runs not yet ordered\n\[ 'update 1' \]\n$/,
    );
    expect(await run(0)).toMatch(
      /^store [0-9a-f]+, 1 saves so far, 0 runs not yet ordered\n\[ 'update 1', 'update 2' \]\n$/,
    );
    expect(await run(1)).toBe("ARU 2, 2 updates, 0 problems []\n");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 120_000);
