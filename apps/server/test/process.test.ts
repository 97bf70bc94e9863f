// One server as a process: bad input, its start, its end.
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";

import { Cluster } from "./cluster.js";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { patient } from "./hosts.js";
import { ProgramProcess, spawnServer } from "./program-process.js";
import { otherTransportFlags } from "./transport.js";
import { until } from "./until.js";

// Processes take their time to start on a busy host.
jest.setTimeout(patient(60_000));

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-server-"));
  await mkdir(join(directory, "folder"));
  await writeFile(join(directory, "empty"), "# nobody\n");
  await writeFile(join(directory, "bad"), "a\n[::1\n");
  await writeFile(join(directory, "twice"), "a\nA:2346\n");
  await writeFile(join(directory, "three"), "127.0.0.1:1\n127.0.0.1:2\n127.0.0.1:3\n");
  await writeFile(join(directory, "elsewhere"), "203.0.113.1\n203.0.113.2\n");
});

afterAll(() => rm(directory, { recursive: true }));

const run = (args: readonly string[]) => spawnServer(args, { cwd: directory }).ended;

describe("bad input ends with status 2, one line that says what to do, and no stack trace", () => {
  test.each([
    [[], "hostfile: no such hostfile; write one with a host or host:port a line, or name another with -h"],
    [["-h", "folder"], "folder: is a directory; name a hostfile with -h"],
    [["-h", "empty"], "empty: names no host; write one host or host:port a line"],
    [["-h", "bad"], 'bad:2: "[::1" has unbalanced brackets; write IPv6 as [::1] or [::1]:2346'],
    [["-h", "twice"], "twice:2: a:2346 is on line 1 already; give each member its own"],
    [["-h", "three", "-i", "3"], "bad --id 3: three names 3, with the ids from 0 to 2"],
    [
      ["-h", "three"],
      "several members of the hostfile are on this host: 0 (127.0.0.1:1), 1 (127.0.0.1:2), 2 (127.0.0.1:3); " +
        "say with -i ID which one this is",
    ],
    [["--nope"], "Unknown argument: nope; see paxos-server --help"],
    [["-p", "http"], 'bad --port "http": give a number from 1 to 65535; see paxos-server --help'],
    [
      ["--data-dir", "d", "--in-memory"],
      "--data-dir and --in-memory exclude each other: give one; see paxos-server --help",
    ],
  ])("%j", async (args, message) => {
    expect(await run(args)).toEqual({
      status: 2,
      signal: null,
      stdout: "",
      stderr: `paxos-server: ${message}\n`,
    });
  });

  test("a host that is not in the file", async () => {
    const { status, stderr } = await run(["-h", "elsewhere"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^paxos-server: this host, .*, is not in the hostfile, .* or say with -i ID which it is\n$/,
    );
  });
});

test("a port in use is named, status 2", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  await writeFile(join(directory, "used"), `127.0.0.1:${port}\n`);
  const { status, stderr } = await run(["-h", "used", "--in-memory"]);
  other.close();
  expect(status).toBe(2);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    new RegExp(`^paxos-server: cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use`),
  );
});

test("a server that reaches no peer gives up with status 1, and says which addresses it tried", async () => {
  const [own, dead] = await freePorts(2);
  await writeFile(join(directory, "lonely"), `127.0.0.1:${own}\n127.0.0.1:${dead}\n`);
  const { status, stderr } = await run([
    "-h",
    "lonely",
    "-i",
    "0",
    "--in-memory",
    "--connect-timeout",
    "0.5",
  ]);
  expect(status).toBe(1);
  expect(stderr).toContain(
    `error: reached no peer within 0.5 s; tried 127.0.0.1:${dead}: check that they run`,
  );
});

test("a server whose peers use another transport gives up with status 1, and says that it should be the same", async () => {
  const ports = await freePorts(2);
  await writeFile(join(directory, "two"), ports.map((port) => `127.0.0.1:${port}\n`).join(""));
  const args = ["-h", "two", "--in-memory", "--connect-timeout"];
  const other = spawnServer([...args, "0", "-i", "0", ...otherTransportFlags], { cwd: directory });
  try {
    await until("the other one listens", () => other.stderr.includes("listening"));
    const { status, stderr } = await run([...args, "2", "-i", "1"]);
    expect(status).toBe(1);
    expect(stderr).toContain("check that they run, that all have the same hostfile and --transport, ");
    // Neither is harmed by what it does not understand.
    for (const log of [stderr, other.stderr]) expect(log).toMatch(/warning: closed (a|the) connection/);
    expect(other.running).toBe(true);
  } finally {
    await other.end("SIGKILL");
  }
});

test("without --data-dir, the data is under the user's data directory, which is named", async () => {
  const [port] = await freePorts(1);
  await writeFile(join(directory, "one"), `127.0.0.1:${port}\n`);
  const env = {
    XDG_DATA_HOME: join(directory, "xdg"),
    LOCALAPPDATA: join(directory, "xdg"),
    HOME: directory,
  };
  const server = spawnServer(["-h", "one"], { cwd: directory, env });
  try {
    await until("it listens", () => server.stderr.includes("listening"));
  } finally {
    server.child.kill("SIGTERM");
  }
  expect(server.stderr).toMatch(
    /node 0 listening on 127\.0\.0\.1:\d+, data in .*[/\\]paxos[/\\][0-9a-f]{12}[/\\]node-0\n/,
  );
  expect(server.stderr).toContain(directory);
  expect((await server.ended).status).toBe(0);
});

describe("a cluster of one", () => {
  let cluster: Cluster;

  beforeEach(async () => {
    cluster = await Cluster.start({ nodes: 1 });
  });

  afterEach(() => cluster.close());

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s ends it cleanly within a second, and its log is kept",
    async (signal) => {
      expect(await cluster.submit(["one", "two"])).toMatchObject({ status: 0 });
      const before = performance.now();
      const { status, stderr } = await cluster.server(0).end(signal);
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(status).toBe(0);
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(new RegExp(`${signal}: stopping$`));
      cluster.startServer(0);
      await cluster.leader();
      expect((await cluster.log(0)).map(({ update }) => update)).toEqual(["one", "two"]);
    },
  );

  test("its data directory is refused to a second process, and to another cluster, status 2", async () => {
    const [port] = await freePorts(1);
    await writeFile(join(cluster.directory, "other"), `127.0.0.1:${port}\n`);
    const args = ["-h", join(cluster.directory, "other"), "--data-dir", cluster.dataDirectory(0)];
    const inUse = await spawnServer(args).ended;
    expect(inUse.status).toBe(2);
    expect(inUse.stderr).toContain("is in use already");
    await cluster.kill(0);
    const foreign = await spawnServer(args).ended;
    expect(foreign.status).toBe(2);
    expect(foreign.stderr).not.toMatch(/^ +at /m);
  });

  test("an update over the size limit is refused with a clear message", async () => {
    const { status, stderr } = await cluster.submit(["x".repeat(1_048_577), "fits"]);
    expect(status).toBe(1);
    expect(stderr).toContain("line 1: not ordered: it has 1048577 bytes, and an update at most 1048576\n");
    expect((await cluster.log(0)).map(({ update }) => update)).toEqual(["fits"]);
  });
});

test("a program that was not built says what to run", async () => {
  const bin = join(directory, "bin");
  await mkdir(bin);
  const program = join(bin, "paxos-server.mjs");
  await copyFile(new URL("../bin/paxos-server.js", import.meta.url), program);
  const { status, stderr } = await new ProgramProcess(program, []).ended;
  expect(status).toBe(1);
  expect(stderr).toMatch(/^paxos-server: not built: .*\npaxos-server: in the repository, run: pnpm build\n$/);
});
