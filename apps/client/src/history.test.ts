import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { History, historyFileOf, MAX_HISTORY_LINES } from "./history.js";

let directory: string;
let file: string;
let failures: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-history-"));
  file = join(directory, "state", "history");
  failures = [];
});

afterEach(() => rm(directory, { recursive: true }));

const open = () => new History(file, (reason) => failures.push(reason));
const lines = async () => (await readFile(file, "utf8")).trimEnd().split("\n");

test("lines are there again in the next run, the latest first", () => {
  const first = open();
  expect(first.load()).toEqual([]);
  first.add("one");
  first.add("zwö");
  expect(open().load()).toEqual(["zwö", "one"]);
  expect(failures).toEqual([]);
});

test("blank lines and those that nobody typed are not kept", () => {
  const history = open();
  history.add("  ");
  history.add("x".repeat(4_097));
  history.add("x".repeat(4_096));
  expect(open().load()).toEqual(["x".repeat(4_096)]);
});

test("nobody else may read the file, whoever made it", async () => {
  const mode = async () => (await stat(file)).mode & 0o777;
  open().add("one");
  expect(await mode()).toBe(0o600);
  await chmod(file, 0o644);
  open().add("two");
  expect(await mode()).toBe(0o600);
});

test("the file does not grow for ever, and keeps what another run has added", async () => {
  const history = open();
  for (let i = 1; i <= MAX_HISTORY_LINES; i++) history.add(`line ${i}`);
  await appendFile(file, "from elsewhere\n");
  history.add("last");
  expect((await lines()).length).toBe(MAX_HISTORY_LINES);
  expect((await lines()).slice(-3)).toEqual([`line ${MAX_HISTORY_LINES}`, "from elsewhere", "last"]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await writeFile(file, "too many\n".repeat(3 * MAX_HISTORY_LINES));
  expect(open().load().length).toBe(MAX_HISTORY_LINES);
});

test("a file that cannot be used is told of once", async () => {
  await mkdir(file, { recursive: true });
  const history = open();
  expect(history.load()).toEqual([]);
  history.add("one");
  history.add("two");
  expect(failures).toEqual([`${file}: EISDIR`]);
});

test.each([
  ["linux", { XDG_STATE_HOME: "/state" }, "/state/paxos/client-history"],
  ["linux", { XDG_STATE_HOME: "relative" }, "/home/me/.local/state/paxos/client-history"],
  ["darwin", {}, "/home/me/.local/state/paxos/client-history"],
  ["win32", { LOCALAPPDATA: "C:\\local" }, "C:\\local\\paxos\\client-history"],
  ["win32", {}, "\\home\\me\\AppData\\Local\\paxos\\client-history"],
] as const)("on %s with %j it is %s", (platform, env, expected) => {
  expect(historyFileOf({ platform, env, homeDirectory: "/home/me" })).toBe(expected);
});
