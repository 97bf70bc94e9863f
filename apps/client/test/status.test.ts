import { stripVTControlCharacters } from "node:util";

import { beforeEach, describe, expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import {
  EpochRecordSchema,
  MemberSchema,
  type StatusResponse,
  Role,
  SnapshotSchema,
  StorageHealth,
} from "@paxos/proto";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, type ClientRunOptions, hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";
const B = "[::1]:2";
const C = "127.0.0.1:3";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A, B, C]);
  cluster.hidden = 3_000;
  hosts = await hostfile(`${A}\n${B}\n${C}\n`);
});

const run = (args: string[] = [], options?: ClientRunOptions) =>
  runClient(["status", "-h", hosts, ...args], cluster, "", options);

function change(address: string, change: (status: StatusResponse) => void): void {
  const status = cluster.statuses.get(address);
  if (status === undefined) throw new Error(`${address} does not answer`);
  change(status);
}

const snapshot = (seq: bigint, chunks: number) => create(SnapshotSchema, { seq, chunks, bytes: 1_234_567n });

describe("the table", () => {
  test("shows a cluster that is ok", async () => {
    expect(await run()).toMatchObject({
      status: 0,
      stderr: "",
      stdout: [
        "ID  ADDRESS      ROLE      VIEW  LEADER   ARU  LAG  APPLIED  WAITING  PEERS",
        "0   127.0.0.1:1  leader       3       0  3000    0     3000        0    2/2",
        "1   [::1]:2      follower     3       0  3000    0     3000        0    2/2",
        "2   127.0.0.1:3  follower     3       0  3000    0     3000        0    2/2",
        "",
        `ok: leader is server 0 (${A}), 3 of 3 servers agree`,
        "",
      ].join("\n"),
    });
  });

  test("says in words what is wrong", async () => {
    cluster.statuses.delete(C);
    cluster.lags.set(B, 2_113n);
    change(A, (status) => ((status.peers[1] as { heard: boolean }).heard = false));
    change(B, (status) => (status.storesRecorded = false));
    expect(await run()).toMatchObject({
      status: 1,
      stdout: [
        "ID  ADDRESS      ROLE      VIEW  LEADER   ARU   LAG  APPLIED  WAITING  PEERS  PROBLEMS",
        "0   127.0.0.1:1  leader       3       0  3000     0     3000        0    1/2  hears 1 of 2 peers",
        "1   [::1]:2      follower     3       0   887  2113     3000        0    2/2  2,113 behind; stores not recorded yet",
        "2   127.0.0.1:3  -            -       -     -     -        -        -      -  unreachable: connection refused",
        "",
        `degraded: leader is server 0 (${A}), 2 of 3 servers agree`,
        "",
      ].join("\n"),
    });
  });

  test.each([
    [
      "is stale",
      (s: StatusResponse) => (s.leaderId = 2n),
      "follows node 2, others node 0",
      "2 of 3 servers agree",
    ],
    ["knows no leader", (s: StatusResponse) => delete s.leaderId, "follows nobody", "2 of 3 servers agree"],
    [
      "takes itself for another",
      (s: StatusResponse) => (s.nodeId = 7n),
      "says it is node 7: check the hostfiles",
      "",
    ],
    [
      "has more peers, and does not tell the members",
      (s: StatusResponse) => {
        cluster.tellsMembers = false;
        s.peers.push(...s.peers);
      },
      "is one of 5 servers, not of 3",
      "",
    ],
    ["applies slowly", (s: StatusResponse) => (s.localAru = 0n), "", "ok: leader is"],
  ])("points at a server that %s", async (_, edit, words, summary) => {
    change(B, edit);
    const { status, stdout } = await run();
    expect(status).toBe(summary.startsWith("ok") ? 0 : 1);
    expect(stdout).toContain(words);
    expect(stdout).toContain(summary);
  });

  test("says when the cluster is down", async () => {
    cluster.statuses.delete(A);
    for (const address of [B, C]) change(address, (status) => delete status.leaderId);
    expect(await run()).toMatchObject({ status: 1, stdout: expect.stringContaining("\ndown: no leader\n") });
    change(B, (status) => (status.leaderId = 1n));
    expect(await run()).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("\ndown: no leader that a quorum follows (2 of 3)\n"),
    });
    cluster.statuses.delete(B);
    expect(await run()).toMatchObject({
      status: 1,
      stdout: expect.stringContaining(
        "\ndown: no quorum of servers is reachable (1 of 3; it takes 2): check that they run, and speak this --transport\n",
      ),
    });
  });

  test("shows snapshots, and where the log begins, once there are any", async () => {
    cluster.firstSeqs.set(A, 901n);
    change(A, (status) => (status.snapshot = snapshot(2_000n, 5)));
    cluster.firstSeqs.set(C, 0n);
    expect((await run()).stdout).toContain(
      [
        "ID  ADDRESS      ROLE      VIEW  LEADER   ARU  LAG  APPLIED  WAITING  PEERS  LOG FROM  SNAPSHOT     SIZE",
        "0   127.0.0.1:1  leader       3       0  3000    0     3000        0    2/2       901      2000  1.2 MiB",
        "1   [::1]:2      follower     3       0  3000    0     3000        0    2/2         1         -        -",
        "2   127.0.0.1:3  follower     3       0  3000    0     3000        0    2/2         -         -        -",
      ].join("\n"),
    );
  });

  test("says what a server receives, and what is wrong with its storage", async () => {
    change(A, (status) => {
      status.storageHealth = StorageHealth.STUCK;
    });
    change(B, (status) => {
      status.receiving = snapshot(2_000n, 7);
      status.receivedChunks = 3;
    });
    change(C, (status) => {
      status.storageHealth = StorageHealth.FAILED;
      status.storageDetail = "ENOSPC:\u001b[2J no space";
    });
    const { status, stdout } = await run();
    expect(status).toBe(1);
    for (const words of [
      "  storage stuck\n",
      "  receives a snapshot: 3 of 7 chunks\n",
      "  storage failed: ENOSPC:\\x1b[2J no space\n",
      "degraded: leader is server 0",
    ])
      expect(stdout).toContain(words);
  });

  test("fits 80 columns with snapshots, and has seq and size of them", async () => {
    hosts = await hostfile("127.0.0.1:40000\n127.0.0.1:40001\n127.0.0.1:40002\n");
    cluster = new FakeCluster(["127.0.0.1:40000", "127.0.0.1:40001", "127.0.0.1:40002"]);
    cluster.hidden = 1_234_567;
    change("127.0.0.1:40000", (status) => (status.snapshot = snapshot(1_200_000n, 5)));
    const { stdout } = await run([], { columns: 80, variables: { NO_COLOR: "1" } });
    expect(stdout).toContain(
      [
        "ID ADDRESS      ROLE     VIEW LEADER     ARU LAG PEERS LOG FROM SNAPSHOT    SIZE",
        "0  …0.0.1:40000 leader      3      0 1234567   0   2/2        1  1200000 1.2 MiB",
      ].join("\n"),
    );
  });

  test("--counters adds those that are not 0", async () => {
    change(B, (status) =>
      status.counters.push(
        { $typeName: "paxos.v1.Counter", name: "dropped_bulk", count: 12_345n },
        { $typeName: "paxos.v1.Counter", name: "nothing", count: 0n },
      ),
    );
    const { stdout } = await run(["--counters"]);
    expect(stdout).toContain("\n\nserver 1  12,345  dropped_bulk\n\nok: ");
    const { stdout: json } = await run(["--counters", "--json"]);
    expect(JSON.parse(json.split("\n")[1] ?? "")).toMatchObject({ counters: { dropped_bulk: 12_345 } });
  });

  test.each([40, 60, 80, 100])("fits a terminal of %i columns", async (columns) => {
    hosts = await hostfile("127.0.0.1:1\na-long-name.of-a-host.example.com:2346\n127.0.0.1:3\n");
    cluster.statuses.delete(C);
    change(A, (status) => (status.storesRecorded = false));
    change(A, (status) => (status.snapshot = snapshot(2_000n, 5)));
    const { stdout } = await run([], { columns, variables: { NO_COLOR: "1" } });
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("unreachable: connection refused");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(stdout).not.toContain("\x1b");
  });

  test("has colours on a terminal, unless NO_COLOR is set", async () => {
    expect((await run([], { columns: 80 })).stdout).toContain("\x1b[32m");
    expect((await run([], { columns: 80, variables: { NO_COLOR: "1" } })).stdout).not.toContain("\x1b");
    expect((await run([], { columns: 80, variables: { TERM: "dumb" } })).stdout).not.toContain("\x1b");
  });
});

test("--json prints an object for each server", async () => {
  cluster.statuses.delete(C);
  change(B, (status) => {
    status.role = Role.ELECTING;
    delete status.leaderId;
    status.snapshot = snapshot(2_000n, 5);
    status.receiving = snapshot(2_500n, 7);
    status.receivedChunks = 3;
    status.storageHealth = StorageHealth.FAILED;
    status.storageDetail = "no space";
    status.protocolVersion = 2;
    status.commandVersion = 5;
  });
  cluster.firstSeqs.set(B, 901n);
  const { stdout } = await run(["--json"]);
  const same = {
    epoch: 0,
    view: 3,
    aru: 3_000,
    lag: 0,
    applied: 3_000,
    waiting: 0,
    heard: 2,
    peers: 2,
    protocolVersion: 1,
    commandVersion: 0,
  };
  const stored = { firstSeq: 1, snapshot: null, receiving: null, storage: "ok" };
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { id: 0, address: A, role: "leader", leader: 0, ...same, ...stored, problems: [] },
    {
      id: 1,
      address: B,
      role: "electing",
      leader: null,
      ...same,
      protocolVersion: 2,
      commandVersion: 5,
      firstSeq: 901,
      snapshot: { seq: 2_000, bytes: 1_234_567 },
      receiving: { seq: 2_500, received: 3, chunks: 7 },
      storage: "failed",
      storageDetail: "no space",
      problems: ["storage failed: no space", "follows nobody", "receives a snapshot: 3 of 7 chunks"],
    },
    {
      id: 2,
      address: C,
      role: "unreachable",
      reason: "connection refused",
      problems: ["unreachable: connection refused"],
    },
  ]);
});

test("when nobody answers, it says so with its status, too", async () => {
  const { status, stdout } = await runClient(["status", "-h", hosts, "--json"], new FakeCluster([]));
  expect(status).toBe(1);
  expect(stdout).toContain('{"id":1,"address":"[::1]:2","role":"unreachable","reason":"connection refused"');
});

describe("members that have changed", () => {
  const D = "127.0.0.1:4";

  beforeEach(() => {
    const [a, b] = cluster.record.voters;
    const learner = create(MemberSchema, { nodeId: 3n, address: D });
    cluster.record = create(EpochRecordSchema, {
      ...cluster.record,
      epoch: 2n,
      voters: [a, b].flatMap((member) => member ?? []),
      learners: [learner],
      nextNodeId: 4n,
    });
    cluster.start(D, 3);
  });

  test("are those that the cluster names; the hostfile's others are to be taken out", async () => {
    change(C, (status) => (status.removed = true));
    const { status, stdout } = await run();
    expect(status).toBe(1);
    expect(stdout).toBe(
      [
        "ID  ADDRESS      ROLE      VIEW  LEADER   ARU  LAG  APPLIED  WAITING  PEERS  PROBLEMS",
        "0   127.0.0.1:1  leader       3       0  3000    0     3000        0    2/2",
        "1   [::1]:2      follower     3       0  3000    0     3000        0    2/2",
        "-   127.0.0.1:3  removed      3       0  3000    0     3000        0    2/2  was removed from the cluster: stop it, and take it out of the hostfile",
        "3   127.0.0.1:4  learner      3       0  3000    0     3000        0    3/3",
        "",
        `degraded: leader is server 0 (${A}), 2 of 2 servers agree`,
        "",
      ].join("\n"),
    );
  });

  test("the cluster is ok when its members are", async () => {
    hosts = await hostfile(`${A}\n${D}\n`);
    const { status, stdout } = await run(["--json"]);
    expect(status).toBe(0);
    const servers = stdout.trimEnd().split("\n");
    expect(servers.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { id: 0, address: A, epoch: 2 },
      { id: 3, address: D, role: "learner" },
      { id: 1, address: B, problems: [] },
    ]);
  });

  test("a server that is no member and one that has not heard of it are pointed at", async () => {
    cluster.statuses.delete(C);
    cluster.tellsMembers = false;
    change(A, (status) => Object.assign(status, { epoch: 2n, epochRecord: cluster.record }));
    change(B, (status) => Object.assign(status, { epoch: 1n }));
    const { stdout } = await run();
    expect(stdout).toContain("unreachable: connection refused; is no member of the cluster: take it out of");
    expect(stdout).toContain("is in epoch 1, others in 2");
  });

  test("a server that is known under two addresses is shown once", async () => {
    const other = "localhost:1";
    hosts = await hostfile(`${other}\n${B}\n${D}\n`);
    cluster.start(other, 0);
    const { status, stdout } = await run();
    expect([status, stdout.split("\n").length]).toEqual([0, 7]);
    expect(stdout).toContain("0   localhost:1");
  });
});

describe("--watch", () => {
  test("draws on a terminal again and again, and leaves the last table", async () => {
    const client = new ClientRun(["status", "-h", hosts, "--watch", "5"], cluster, {
      columns: 80,
      variables: { NO_COLOR: "1" },
    });
    await client.until(() => client.stdout.split("\x1b[H").length > 3);
    cluster.statuses.delete(C);
    await client.until(() => client.stdout.includes("unreachable"));
    expect(client.stdout).toContain("every 5 s; Ctrl-C ends");
    expect(client.exitCallbacks.size).toBe(1);
    client.interrupt.abort("SIGINT");
    expect(await client.done).toBe(130);
    const [before = "", after = ""] = client.stdout.split("\x1b[?1049l");
    expect(before.startsWith("\x1b[?1049h")).toBe(true);
    expect(after).toContain("degraded: leader is server 0");
    expect(after).not.toContain("\x1b");
    expect(client.exitCallbacks.size).toBe(0);
  });

  test("is drawn anew in the size that the terminal has got", async () => {
    const client = new ClientRun(["status", "-h", hosts, "--watch"], cluster, {
      columns: 200,
      frozen: true,
      variables: { NO_COLOR: "1" },
    });
    cluster.statuses.delete(C);
    await client.until(() => client.stdout.includes("PROBLEMS"));
    const before = client.stdout.length;
    client.resize(60);
    const frame = stripVTControlCharacters(client.stdout.slice(before));
    expect(frame).toContain("server 2: unreachable: connection refused");
    expect(Math.max(...frame.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(60);
    client.interrupt.abort("SIGINT");
    expect(await client.done).toBe(130);
  });

  test("with --json prints an array a line", async () => {
    const client = new ClientRun(["status", "-h", hosts, "--watch", "--json"], cluster, { columns: 80 });
    await client.until(() => client.stdout.split("\n").length > 3);
    client.interrupt.abort("SIGTERM");
    expect(await client.done).toBe(143);
    for (const line of client.stdout.trimEnd().split("\n"))
      expect(JSON.parse(line)).toMatchObject([{ id: 0 }, { id: 1 }, { id: 2 }]);
  });

  test.each([
    ["no terminal", {}],
    ["a simple one", { columns: 80, variables: { TERM: "dumb" } }],
  ])("where nothing can be drawn over, prints one table after another: %s", async (_, options) => {
    const client = new ClientRun(["status", "-h", hosts, "--watch"], cluster, options);
    await client.until(() => client.stdout.split("ok: ").length > 3);
    client.interrupt.abort("SIGINT");
    expect(await client.done).toBe(130);
    expect(client.stdout).toMatch(/^2023-11-14T22:13:20\.000Z\nID  ADDRESS/);
    expect(client.stdout).not.toContain("\x1b");
  });
});
