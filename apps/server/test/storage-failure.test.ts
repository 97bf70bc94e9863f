// A member whose disk fails, without a disk.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";

import { run } from "../src/run.js";
import { FakeEnvironment, FakeReplica } from "./fake-environment.js";

class StorageError extends Error {
  override readonly name = "StorageError";
}

const full = new StorageError("cannot save to /data: no space left on device");

let directory: string;
let environment: FakeEnvironment;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-server-"));
  await writeFile(join(directory, "hosts"), "198.51.100.1\nhere:7000\n198.51.100.3\n");
  environment = new FakeEnvironment();
});

afterEach(() => rm(directory, { recursive: true }));

async function untilLogged(text: string): Promise<void> {
  while (!environment.log.includes(text)) await setImmediate();
}

async function start(
  ...args: string[]
): Promise<{ readonly done: Promise<number>; readonly first: FakeReplica }> {
  const done = run(["-h", join(directory, "hosts"), "--data-dir", "/data", ...args], environment);
  await untilLogged("listening");
  return { done, first: environment.replica };
}

const count = (text: string) => environment.log.split(text).length - 1;

describe("by default", () => {
  test("it ends with status 1, and says what failed and what to do", async () => {
    const { done, first } = await start();
    expect(environment.started).toMatchObject({ onStorageFailure: "stop", saveTimeoutMs: 30_000 });
    first.loseStorage(full);
    first.stop(full);
    expect(await done).toBe(1);
    expect(first.closed).toBe(1);
    expect(environment.endedAtOnce).toBe(0);
    expect(environment.log).toContain(
      `error: stopped: storage has failed: ${full.message}. Nothing that was acknowledged is lost. `,
    );
    expect(environment.log).toContain("paxos-server inspect --data-dir /data; then start node 1 again");
  });

  test("a save that hangs is no fault of the program, and does not keep it from ending", async () => {
    const { done, first } = await start("--save-timeout", "5");
    expect(environment.started).toMatchObject({ saveTimeoutMs: 5_000 });
    first.closing = new Promise(() => undefined);
    const late = new Error("storage has not finished a save for 5 s");
    first.loseStorage(late);
    first.stop(late);
    expect(await done).toBe(1);
    expect(environment.log).not.toMatch(/^ +at /m);
    expect(environment.log).toContain("error: not closed in time, the disk does not answer");
    expect(environment.endedAtOnce).toBe(1);
  });
});

describe("told to wait", () => {
  test("it stays, tries the disk less and less often, and then starts anew", async () => {
    const { done, first } = await start("--on-storage-failure", "wait");
    expect(environment.started).toMatchObject({ onStorageFailure: "stay" });
    environment.diskWorks = false;
    first.loseStorage(full);
    while (environment.waits.length < 8) await setImmediate();
    expect(environment.waits.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((s) => s * 1000));
    expect(first.closed).toBe(0);
    const second = (environment.replica = new FakeReplica());
    environment.diskWorks = true;
    await untilLogged("node 1 started anew");
    expect(first.closed).toBe(1);
    expect(environment.storages.length).toBe(2);
    expect(environment.transports.length).toBe(2);
    // Once for the failure, not for each time that it was tried.
    expect(count("waits for the disk")).toBe(1);
    environment.interrupt.abort("SIGTERM");
    expect(await done).toBe(0);
    expect(second.closed).toBe(1);
  });

  test("what fails again as soon as it has been started is not tried every second", async () => {
    const { done, first } = await start("--on-storage-failure", "wait");
    const second = (environment.replica = new FakeReplica());
    first.loseStorage(full);
    await untilLogged("started anew");
    const third = (environment.replica = new FakeReplica());
    second.loseStorage(full);
    while (count("started anew") < 2) await setImmediate();
    expect(environment.waits).toEqual([1_000, 2_000]);
    environment.time += 60_000;
    environment.replica = new FakeReplica();
    third.loseStorage(full);
    while (count("started anew") < 3) await setImmediate();
    expect(environment.waits).toEqual([1_000, 2_000, 1_000]);
    environment.interrupt.abort("SIGTERM");
    expect(await done).toBe(0);
  });

  test("what keeps it from starting anew is told once, and tried again", async () => {
    const { done, first } = await start("--on-storage-failure", "wait");
    environment.startError = new StorageError("/data cannot be opened: input/output error");
    first.loseStorage(full);
    while (environment.waits.length < 5) await setImmediate();
    expect(count("not started anew yet: /data cannot be opened: input/output error")).toBe(1);
    environment.startError = new ConfigError("/data is in use already");
    await untilLogged("not started anew yet: /data is in use already");
    environment.startError = undefined;
    environment.replica = new FakeReplica();
    await untilLogged("node 1 started anew");
    environment.interrupt.abort("SIGTERM");
    expect(await done).toBe(0);
  });

  test.each(["the disk", "a start that works"])("a signal ends it while it waits for %s", async (what) => {
    const { done, first } = await start("--on-storage-failure", "wait");
    if (what === "the disk") environment.diskWorks = false;
    else environment.startError = full;
    first.loseStorage(full);
    while (environment.waits.length < 3) await setImmediate();
    environment.interrupt.abort("SIGINT");
    expect(await done).toBe(0);
    expect(first.closed).toBeGreaterThan(0);
    expect(count("SIGINT: stopping\n")).toBe(1);
  });

  test("it ends when the peers refuse what is left", async () => {
    const { done, first } = await start("--on-storage-failure", "wait");
    environment.diskWorks = false;
    first.loseStorage(full);
    await untilLogged("waits for the disk");
    first.stop(new ConfigError("refused by node 0: an older copy"));
    expect(await done).toBe(1);
    expect(count("error: stopped: refused by node 0: an older copy\n")).toBe(1);
  });
});
