import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { ConfigError, firstEpoch } from "@paxos/core";
import { EpochRecordSchema, MemberSchema, MembersResponseSchema } from "@paxos/proto";
import { clusterIdOf } from "@paxos/replica";

import { run } from "../src/run.js";
import { FakeEnvironment } from "./fake-environment.js";

const TIME = "1970-01-01T00:00:00.000Z";

let directory: string;
let hosts: string;
let environment: FakeEnvironment;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-server-"));
  hosts = join(directory, "hosts");
  await writeFile(hosts, "198.51.100.1\nhere:7000\n198.51.100.3\n");
  environment = new FakeEnvironment();
});

afterEach(() => rm(directory, { recursive: true }));

/** Resolves once the server says that it listens; the test's own deadline ends the wait otherwise. */
async function untilListening(): Promise<void> {
  while (!environment.log.includes("listening")) await setImmediate();
}

class StorageError extends Error {
  override readonly name = "StorageError";
}

class ListenError extends Error {
  override readonly name = "ListenError";
}

test("a server finds its line, starts a replica of that member, and says where it listens and keeps its data", async () => {
  const done = run(["-h", hosts], environment);
  await untilListening();
  const { nodeId, epochRecord, clusterId, storage, transport, clientListener } = environment.started ?? {};
  // The one of the record that the storage holds, which may have begun with a backup.
  expect(clusterId).toBeUndefined();
  expect(nodeId).toBe(1);
  expect(epochRecord?.voters.map(({ address }) => address)).toEqual([
    "198.51.100.1:2346",
    "here:7000",
    "198.51.100.3:2346",
  ]);
  expect(transport).toBe(environment.transports[0]);
  expect(clientListener).toBe(transport);
  expect(storage).toBe(environment.storages[0]);
  const data = `/data/paxos/${Buffer.from((epochRecord && clusterIdOf(epochRecord)) ?? [])
    .toString("hex")
    .slice(0, 12)}/node-1`;
  expect(environment.storages[0]?.directory).toBe(data);
  expect(environment.log).toBe(`${TIME} node 1 listening on here:7000, data in ${data}\n`);
  environment.interrupt.abort("SIGTERM");
  await done;
});

test("its state machine answers every update with nothing", async () => {
  const done = run(["-h", hosts], environment);
  await untilListening();
  expect(environment.started?.stateMachine.apply(Buffer.from("x"), 1, 0)).toEqual(new Uint8Array());
  environment.interrupt.abort("SIGTERM");
  await done;
});

test.each(["SIGINT", "SIGTERM"])("%s ends it with status 0, everything closed", async (signal) => {
  const done = run(["-h", hosts, "-i", "2"], environment);
  await untilListening();
  environment.interrupt.abort(signal);
  expect(await done).toBe(0);
  expect(environment.replica.closed).toBe(1);
  expect(environment.log).toContain(`${TIME} ${signal}: stopping\n`);
});

test("a leader that is asked to end hands over first", async () => {
  const done = run(["-h", hosts], environment);
  await untilListening();
  environment.interrupt.abort("SIGTERM");
  expect(await done).toBe(0);
  expect(environment.replica.asked).toEqual(["hand over", "close"]);
});

test("a member that was removed says so, and ends with status 0", async () => {
  const done = run(["-h", hosts], environment);
  await untilListening();
  environment.replica.remove();
  expect(await done).toBe(0);
  expect(environment.log).toContain(
    "node 1 was removed from the cluster, and the others go on without it: stopping",
  );
  expect(environment.replica.closed).toBe(1);
});

test("a member that joins begins with what another one says of the cluster", async () => {
  const epochRecord = create(EpochRecordSchema, {
    ...firstEpoch(["a:1", "b:1"]),
    epoch: 4n,
    learners: [create(MemberSchema, { nodeId: 7n, address: "here:7007" })],
    nextNodeId: 8n,
  });
  environment.members = async () =>
    create(MembersResponseSchema, { epochRecord, clusterId: Uint8Array.of(1, 2, 3) });
  const done = run(["--join", "a:1", "-i", "7", "--data-dir", "/data/7"], environment);
  await untilListening();
  expect(environment.started).toMatchObject({ nodeId: 7, epochRecord, clusterId: Uint8Array.of(1, 2, 3) });
  expect(environment.log).toContain("node 7 listening on here:7007, data in /data/7\n");
  environment.interrupt.abort("SIGTERM");
  await done;
  environment.log = "";
  expect(await run(["--join", "a:1", "-i", "3", "--data-dir", "/data/3"], environment)).toBe(2);
  expect(environment.log).toBe(
    "paxos-server: node 3 is no member of the cluster of a:1, whose members are 0, 1, 7; add it first: paxos-client member add 3 HOST:PORT\n",
  );
});

test.each([
  [["--join", "a:1", "--data-dir", "d"], "--join needs --id"],
  [["--join", "a:1", "-i", "3"], "--join needs --data-dir"],
  [["--join", "a", "-i", "3", "--data-dir", "d"], 'bad --join "a": give host:port'],
  [
    ["--join", "a:1", "-i", "3", "--data-dir", "d"],
    "cannot join: a:1 does not tell who belongs to its cluster: nobody is called here",
  ],
])("joining as %j is refused", async (args, reason) => {
  expect(await run(args, environment)).toBe(2);
  expect(environment.log).toContain(reason);
});

test("the data directory can be chosen", async () => {
  const done = run(["-h", hosts, "--data-dir", "relative"], environment);
  await untilListening();
  expect(environment.storages[0]?.directory).toBe(join(process.cwd(), "relative"));
  environment.interrupt.abort("SIGTERM");
  await done;
});

test("a server in memory says what that means", async () => {
  const done = run(["-h", hosts, "--in-memory"], environment);
  await untilListening();
  expect(environment.storages[0]?.directory).toBeUndefined();
  environment.interrupt.abort("SIGTERM");
  await done;
  expect(environment.log).toContain("node 1 listening on here:7000, data in memory\n");
  expect(environment.log).toContain(
    "warning: in memory: this node's log dies with its process, and the node is refused when it comes back\n",
  );
});

test("a server that reaches no peer in time ends with status 1, and says whom it tried", async () => {
  expect(await run(["-h", hosts, "--connect-timeout", "0.05"], environment)).toBe(1);
  expect(environment.log).toContain(
    `${TIME} error: reached no peer within 0.05 s; tried 198.51.100.1:2346, 198.51.100.3:2346: check that they run`,
  );
  expect(environment.replica.closed).toBe(1);
});

test.each([["0.05"], ["0"]])(
  "a server goes on when a peer is reached, or may be later (--connect-timeout %s)",
  async (seconds) => {
    if (seconds !== "0") environment.replica.reachPeer();
    const done = run(["-h", hosts, "--connect-timeout", seconds], environment);
    await untilListening();
    // Longer than the timeout.
    const later = new Promise((resolve) => setTimeout(resolve, 100, "still up"));
    expect(await Promise.race([done, later])).toBe("still up");
    environment.interrupt.abort("SIGTERM");
    expect(await done).toBe(0);
  },
);

test.each([
  [
    new ConfigError("the peers know another store; replace the member"),
    "stopped: the peers know another store; replace the member\n",
  ],
  [new StorageError("no space left on device"), "stopped: no space left on device\n"],
  [
    new TypeError("x is not a function"),
    "stopped: x is not a function\nTypeError: x is not a function\n    at ",
  ],
])("what stops the replica ends the server with status 1: %s", async (error, line) => {
  const done = run(["-h", hosts], environment);
  await untilListening();
  environment.replica.stop(error);
  expect(await done).toBe(1);
  expect(environment.log).toContain(`${TIME} error: ${line}`);
});

test.each([
  [new ConfigError("this directory is of another cluster"), 2],
  [new ListenError("cannot listen on here:7000: the port is in use"), 2],
  [new StorageError("a record is damaged"), 1],
])("what keeps the replica from starting is one line: %s", async (error, status) => {
  environment.startError = error;
  expect(await run(["-h", hosts], environment)).toBe(status);
  expect(environment.log).toBe(`paxos-server: ${error.message}\n`);
  expect(environment.storages[0]?.closed).toBe(1);
  expect(environment.transports[0]?.closed).toBe(1);
});

test("a fault of the program is not taken for bad input", async () => {
  environment.startError = new TypeError("x is not a function");
  await expect(run(["-h", hosts], environment)).rejects.toBe(environment.startError);
});

test("bad input ends with status 2 and one line", async () => {
  const cases: [string[], string][] = [
    [["--nope"], "Unknown argument: nope; see paxos-server --help"],
    [["-h", join(directory, "none")], `${join(directory, "none")}: no such hostfile`],
    [["-h", hosts, "-i", "3"], `bad --id 3: ${hosts} names 3, with the ids from 0 to 2`],
  ];
  for (const [args, message] of cases) {
    environment.log = "";
    expect(await run(args, environment)).toBe(2);
    expect(environment.log.startsWith(`paxos-server: ${message}`)).toBe(true);
    expect(environment.log.trimEnd().split("\n").length).toBe(1);
  }
  await writeFile(hosts, "198.51.100.1\n");
  environment.log = "";
  expect(await run(["-h", hosts], environment)).toBe(2);
  expect(environment.log).toContain("this host, here, is not in the hostfile");
});

test("help goes to standard output", async () => {
  expect(await run(["--help"], environment)).toBe(0);
  expect(environment.output).toContain("paxos-server [-i ID]");
  expect(environment.log).toBe("");
});
