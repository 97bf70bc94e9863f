// The README's commands and its program, as they stand there.
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { LOCK, Program, SERVER } from "./program.js";
import { until } from "./until.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const programs: Readonly<Record<string, string>> = { "pnpm paxos-server": SERVER, "bin/lock.js": LOCK };
let readme = "";
let directory = "";
let addresses: readonly string[] = [];
const started: Program[] = [];

/** The README's ports may be taken here. */
const withFreePorts = (text: string) =>
  text.replace(/127\.0\.0\.1:234([678])/g, (_, digit: string) => addresses[Number(digit) - 6] ?? "");

/** Runs a line of commands as a shell does. */
async function run(line: string): Promise<Program> {
  const [, name = "", rest = "", background] = /^(pnpm \S+|\S+) (.*?)( &)?$/.exec(line) ?? [];
  const args = [...rest.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
  const program = new Program(programs[name] ?? `no program for ${line}`, args, { cwd: directory });
  started.push(program);
  if (background === undefined) await program.ended;
  return program;
}

/** The text of a block of this language. */
const block = (language: string, index: number) =>
  [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, name]) => name === language)[index]?.[2] ?? "";
const lines = (text: string) => text.trim().split("\n");

beforeAll(async () => {
  readme = await readFile(join(root, "README.md"), "utf8");
  addresses = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
  directory = await mkdtemp(join(tmpdir(), "paxos-locks-readme-"));
  await symlink(join(root, "dist"), join(directory, "dist"));
  await writeFile(join(directory, "hostfile"), withFreePorts(block("", 0)));
  for (const line of lines(block("sh", 0))) await run(line);
});

afterAll(async () => {
  await Promise.all(started.filter(({ running }) => running).map((one) => one.end("SIGKILL")));
  await rm(directory, { recursive: true });
});

test("its commands take turns, with rising tokens", async () => {
  const [first = "", second = "", status = ""] = lines(block("sh", 1));
  const one = await run(first);
  await until("the first one has the lock", () => one.stdout !== "");
  const other = await run(second);
  const token = ({ stdout }: Program) => Number(/^token (\d+)\n$/.exec(stdout)?.[1]);
  expect(other.stderr).toMatch(/^lock: waiting for backup: .* has it; ahead of this one: 1\n$/);
  expect(one.running).toBe(false);
  expect(token(other)).toBeGreaterThan(token(one));
  expect((await run(status)).stdout).toBe("no lock is held\n");
});

test("its program prints what it says", async () => {
  const scratch = await mkdtemp(join(root, "test", "readme-"));
  const log = jest.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    const file = join(scratch, "example.ts");
    await writeFile(file, withFreePorts(block("ts", 0)));
    await import(file);
    expect(log.mock.calls.map(([line]) => String(line))).toEqual(lines(block("", 1)));
  } finally {
    log.mockRestore();
    await rm(scratch, { recursive: true });
  }
});
