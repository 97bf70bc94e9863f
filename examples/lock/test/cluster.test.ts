// Real servers, clients and commands; some of them are killed or stopped.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { FencedRegister } from "../src/fenced-register.js";
import { lockClient } from "../src/lock-client.js";
import { Cluster } from "./cluster.js";
import { fencedWriter, FencedService } from "./fenced-service.js";
import { LOCK } from "./program.js";
import { until } from "./until.js";

let cluster: Cluster;
let service: FencedService;

beforeAll(async () => {
  service = new FencedService();
  [cluster] = await Promise.all([Cluster.start(), service.start()]);
  await cluster.leader();
});

afterAll(async () => {
  await cluster.close();
  await service.close();
});

const run = (...args: string[]) => cluster.start(LOCK, ["run", ...args]);

test("many programs contend for a lock while leaders are killed, and what it protects sees one of them at a time", async () => {
  const register = new FencedRegister(0);
  /** Who wrote, as its token, in the order of the writes. */
  const writers: number[] = [];
  const tenures = new Map<number, number>();
  const stop = new AbortController();
  const work = async (id: number) => {
    const locks = lockClient(cluster.connect(), { label: `worker ${id}` });
    while (!stop.signal.aborted) {
      await using lock = await locks.acquire("counter", { ttlMs: 5_000, signal: stop.signal });
      for (let i = 0; i < 3; i++) {
        const { value } = register;
        // Reading and writing are two steps: another holder between them would be noticed.
        await locks.leader("counter", { signal: lock.signal }).catch(() => undefined);
        if (!lock.held) break;
        register.write(lock.token, value + 1);
        writers.push(lock.token);
      }
      tenures.set(id, (tenures.get(id) ?? 0) + 1);
    }
  };
  const stopped = (error: unknown) => {
    if (!stop.signal.aborted) throw error;
  };
  const workers = Array.from({ length: 6 }, (_, id) => work(id).catch(stopped));
  const goesOn = async () => {
    const before = new Map(tenures);
    await until("each has had the lock once more", () =>
      workers.every((_, id) => (tenures.get(id) ?? 0) > (before.get(id) ?? 0)),
    );
  };
  await goesOn();
  for (let kills = 0; kills < 2; kills++) {
    const leader = await cluster.leader();
    await cluster.servers[leader]?.end("SIGKILL");
    await goesOn();
    cluster.startServer(leader);
    await goesOn();
  }
  stop.abort();
  await Promise.all(workers);
  expect(writers).toEqual(writers.toSorted((a, b) => a - b));
  // No increment was lost to another holder.
  expect(register.value).toBe(writers.length);
});

test("a holder that is stopped until its lock has expired is fenced off, and ended when it goes on", async () => {
  const args = ["fenced", "--ttl", "2s", "--", process.execPath, "-e", fencedWriter, service.url];
  const first = run(...args);
  await until("the first one writes", () => service.register.highestToken > 0);
  const { pid, register } = service;
  const old = register.highestToken;
  first.send("SIGSTOP");
  process.kill(pid, "SIGSTOP");
  const second = run(...args);
  try {
    await until("the second one writes", () => register.highestToken > old);
    // The command alone goes on: nobody is there to end it.
    process.kill(pid, "SIGCONT");
    await until("the first one is refused", () => service.refused.includes(old));
  } finally {
    first.send("SIGCONT");
  }
  const { status, stderr } = await first.ended;
  expect(stderr).toMatch(/^lock: fenced \(token \d+\) was lost: .*; ended .*node/m);
  expect(status).toBe(75);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  expect(await second.end("SIGTERM")).toMatchObject({ status: 143 });
});

test("a command gets its token and gives its status", async () => {
  const { status, stdout } = await run(
    "status",
    "--",
    "sh",
    "-c",
    "echo $PAXOS_LOCK $PAXOS_FENCING_TOKEN; exit 7",
  ).ended;
  expect(status).toBe(7);
  expect(stdout).toMatch(/^status \d+\n$/);
  expect(await run("status", "--", "sh", "-c", "kill -9 $$").ended).toMatchObject({ status: 137 });
  expect(await run("status", "--", "no-such-command").ended).toMatchObject({
    status: 127,
    stderr: "lock: no-such-command: there is no such command\n",
  });
  await until(
    "it is free again",
    async () => (await lockClient(cluster.connect()).leader("status")) === undefined,
  );
});

test("a lock that is taken is waited for, or not; the status shows who has it", async () => {
  const lock = await lockClient(cluster.connect(), { label: "the test" }).elect("deploy/web", "over there");
  expect(await run("deploy/web", "--no-wait", "--", "true").ended).toMatchObject({
    status: 75,
    stderr: "lock: deploy/web is taken\n",
  });
  const waits = run("deploy/web", "--", "true");
  const given = run("deploy/web", "--", "true");
  await until("both wait", () =>
    [waits, given].every(({ stderr }) => stderr.includes("waiting for deploy/web")),
  );
  const { stdout } = await cluster.start(LOCK, ["status", "deploy/"]).ended;
  expect(stdout).toMatch(
    /^deploy\/web: held by the test#\w+, token \d+, for \d+ s more, value "over there", 2 waiting\n$/,
  );
  expect(await given.end("SIGINT")).toMatchObject({ status: 130 });
  await lock.release();
  expect(await waits.ended).toMatchObject({ status: 0 });
  expect(await cluster.start(LOCK, ["status", "deploy/"]).ended).toMatchObject({
    stdout: "no lock whose name begins with deploy/ is held\n",
    status: 0,
  });
});

test("a lock that crashes is free once its time is over, though its command goes on", async () => {
  const crashed = run("crash", "--ttl", "1s", "--", process.execPath, "-e", fencedWriter, service.url);
  const before = service.register.highestToken;
  await until("it writes", () => service.register.highestToken > before);
  const { pid } = service;
  crashed.send("SIGKILL");
  try {
    expect(await run("crash", "--", process.execPath, "-e", "").ended).toMatchObject({ status: 0 });
  } finally {
    // It has outlived the one that would have ended it.
    process.kill(pid, "SIGKILL");
  }
  await crashed.ended;
});

test("bad input is one line, status 2", async () => {
  for (const [args, line] of [
    [
      ["run", "x", "--ttl", "3", "--", "true"],
      'bad --ttl "3": give 1s to 24h, such as 1500ms, 10s or 2m; see lock --help',
    ],
    [
      ["status", "-h", "none"],
      "none: no such hostfile; write one with a host or host:port a line, or name another with -h",
    ],
    [["run", "", "--", "true"], "acquire: name: Too small: expected string to have >=1 characters"],
  ] as const) {
    expect(await cluster.start(LOCK, args).ended).toEqual({
      status: 2,
      signal: null,
      stdout: "",
      stderr: `lock: ${line}\n`,
    });
  }
});
