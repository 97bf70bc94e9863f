import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { FakeCluster } from "../test/fake-connection.js";
import { ManualClock } from "../test/manual-clock.js";
import { until } from "../test/until.js";
import type { Lock } from "./lock.js";
import { lockClient, type AcquireOptions } from "./lock-client.js";
import { runLocked } from "./run-command.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-run-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("a command that goes on when its lock is lost is killed", async () => {
  const clock = new ManualClock();
  const connection = new FakeCluster(clock).connect();
  const locks = lockClient(connection, { clock, label: "test" });
  let lock: Lock | undefined;
  const acquire = async (name: string, options?: AcquireOptions) =>
    (lock = await locks.acquire(name, options));
  const said: string[] = [];
  const marker = join(directory, "marker");
  // It says so when it has begun not to listen.
  const deaf = `process.on("SIGTERM", () => undefined); setInterval(() => undefined, 1000);
    require("node:fs").writeFileSync(process.argv[1], "")`;
  const status = runLocked(
    { name: "l", ttlMs: 10_000, wait: true, command: [process.execPath, "-e", deaf, marker] },
    { acquire, tryAcquire: acquire },
    {
      interrupt: new AbortController().signal,
      onSignal: () => () => undefined,
      say: (line) => said.push(line),
      graceMs: 50,
    },
  );
  const begun = () =>
    access(marker).then(
      () => true,
      () => false,
    );
  await until("the command has begun", begun);
  connection.fate = () => "lost";
  await clock.pass(20_000);
  expect(lock?.signal.aborted).toBe(true);
  expect(await status).toBe(75);
  expect(said).toEqual([`l (token 1) was lost: no renewal was confirmed in time; ended ${process.execPath}`]);
});
