// The demo as a process of its own, with real servers.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";

// Four processes take their time on a busy host.
jest.setTimeout(120_000);

const PROGRAM = fileURLToPath(new URL("../dist/main.js", import.meta.url));

let directory: string;
let child: ChildProcessByStdio<null, Readable, Readable> | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "demo-test-"));
});

afterEach(async () => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill("SIGTERM");
    await once(child, "close");
  }
  await rm(directory, { recursive: true });
});

interface Run {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<{ status: number | null; stdout: string; stderr: string }>;
  /** Resolves when it has said this. */
  said(text: string): Promise<void>;
}

/** Starts the demo without a terminal, its temporary directory in that of the test. */
function start(...args: readonly string[]): Run {
  const env = { ...process.env, TMPDIR: directory, TEMP: directory, TMP: directory };
  const demo = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  child = demo;
  let stdout = "";
  let stderr = "";
  demo.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  demo.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(demo, "close").then(([status]: unknown[]) => ({
    status: status as number | null,
    stdout,
    stderr,
  }));
  const said = async (text: string): Promise<void> => {
    while (!stdout.includes(text)) {
      if (demo.exitCode !== null) throw new Error(`it ended before it said "${text}": ${stdout}${stderr}`);
      await Promise.race([once(demo.stdout, "data"), ended]);
    }
  };
  return { child: demo, ended, said };
}

/** The process ids of the servers, from the table. */
function serverPids(stdout: string): number[] {
  return [...stdout.matchAll(/^ {2}[012] +(\d+) +(?:leader|follower)/gm)].map(([, pid]) => Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("the script orders 1,000 updates, kills the leader, starts it again, compares the logs, and leaves nothing", async () => {
  const { status, stdout, stderr } = await start().ended;
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const steps = [
    /starting three servers, on ports \d+, \d+, \d+ of 127\.0\.0\.1/,
    /all three are up; node \d leads view \d+/,
    /8 clients send 1,000 updates/,
    /\d+ acknowledged; kill -9 node \d, the leader/,
    /updates flow again: node \d leads view \d+ now,\n +the first update sent after the kill was ordered [\d,]+ ms after it/,
    /\d+ acknowledged; node \d is started again/,
    /node \d answers again/,
    /all 1,000 acknowledged/,
    /all three nodes are level, at seq 1,0\d\d:/,
    /read and compared the three logs entry by entry: they are the same;/,
    /all 1,000 acknowledged updates are in them exactly once, and no others/,
  ];
  const places = steps.map((step) => stdout.search(step));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  const count = Number(/([\d,]+) acknowledged; kill/.exec(stdout)?.[1]);
  expect(count).toBeGreaterThanOrEqual(500);
  expect(count).toBeLessThan(600);
  // Not in a terminal: no colours, nothing wider than 80 columns.
  expect(stdout).not.toMatch(/\p{Cc}(?<!\n)/u);
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(80);
  const pids = serverPids(stdout);
  expect(pids).toHaveLength(3);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(await readdir(directory)).toEqual([]);
});

test("--keep leaves the hostfile, the data and the logs, and says where", async () => {
  const { status, stdout } = await start("--script", "--keep").ended;
  expect(status).toBe(0);
  const kept = /The files are kept in (.*)\n$/.exec(stdout)?.[1] ?? "";
  expect((await readFile(join(kept, "hostfile"), "utf8")).split("\n")).toHaveLength(4);
  for (const nodeId of [0, 1, 2]) {
    expect(existsSync(join(kept, `node-${nodeId}`))).toBe(true);
    expect(await readFile(join(kept, `node-${nodeId}.log`), "utf8")).toContain("listening on 127.0.0.1:");
  }
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s in the middle ends it, with status %i and nothing left", async (signal, expected) => {
  const run = start("--script");
  await run.said("8 clients send");
  run.child.kill(signal);
  const { status, stderr } = await run.ended;
  expect({ status, stderr }).toEqual({ status: expected, stderr: `demo: ended by ${signal}\n` });
  expect(await readdir(directory)).toEqual([]);
});

test("it ends when nobody reads any more", async () => {
  const run = start("--script");
  await run.said("starting three servers");
  run.child.stdout.destroy();
  const { status } = await run.ended;
  expect(status).toBe(1);
  expect(await readdir(directory)).toEqual([]);
});

test("an unknown flag is a message and status 2", async () => {
  const { status, stdout, stderr } = await start("--nope").ended;
  expect({ status, stdout, stderr }).toEqual({
    status: 2,
    stdout: "",
    stderr: "demo: Unknown argument: nope; see pnpm demo --help\n",
  });
});

test("help needs no servers", async () => {
  const { status, stdout } = await start("--help").ended;
  expect(status).toBe(0);
  expect(stdout).toContain("--keep");
  expect(await readdir(directory)).toEqual([]);
});
