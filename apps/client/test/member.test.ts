import { beforeEach, describe, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";
import type { MembershipChange } from "@paxos/proto";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, hostfile, runClient } from "./run-client.js";

const A = "127.0.0.1:1";
const B = "[::1]:2";
const C = "127.0.0.1:3";
const D = "127.0.0.1:4";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A, B, C]);
  hosts = await hostfile(`${A}\n${B}\n${C}\n`);
});

const run = (...args: string[]) => runClient(["member", "-h", hosts, ...args], cluster);

/** The changes that the cluster was asked for. */
const asked = (): MembershipChange[] => cluster.leaderAsked.map(({ what }) => what as MembershipChange);

describe("member list", () => {
  test("shows who belongs to the cluster", async () => {
    cluster.statuses.delete(C);
    expect(await run("list")).toMatchObject({
      status: 0,
      stderr: "",
      stdout: [
        "ID  ADDRESS      ROLE   LEADER  UP",
        "0   127.0.0.1:1  voter  *       yes",
        "1   [::1]:2      voter          yes",
        "2   127.0.0.1:3  voter          no",
        "",
        "epoch 0: 3 voters, quorums of 2 to prepare and 2 to accept",
        "",
      ].join("\n"),
    });
    expect(cluster.closed).toBe(1);
  });

  test("with learners, priorities, and who says so when that is not the leader", async () => {
    await run("add", D);
    await run("priority", "1", "5");
    cluster.leaderId = undefined;
    expect(await run("list")).toMatchObject({
      status: 0,
      stdout: [
        "ID  ADDRESS      ROLE     LEADER  UP   PRIORITY",
        "0   127.0.0.1:1  voter            yes         0",
        "1   [::1]:2      voter            yes         5",
        "2   127.0.0.1:3  voter            yes         0",
        "3   127.0.0.1:4  learner          no          0",
        "",
        "epoch 2: 3 voters, 1 learner, quorums of 2 to prepare and 2 to accept, no leader; so says node 0",
        "",
      ].join("\n"),
    });
  });

  test("as JSON is one object", async () => {
    const { stdout } = await run("list", "--json");
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(stdout)).toEqual({
      epoch: 0,
      leader: 0,
      prepareQuorum: 2,
      acceptQuorum: 2,
      commandVersion: 0,
      nextId: 3,
      saidBy: 0,
      members: [A, B, C].map((address, id) => ({
        id,
        address,
        role: "voter",
        leader: id === 0,
        up: true,
        priority: 0,
      })),
    });
  });

  test("says why nobody answers", async () => {
    cluster.statuses.clear();
    expect(await run("list")).toMatchObject({
      status: 1,
      stdout: "",
      stderr: `paxos-client: no server answers: server 0 (${A}): connection refused; server 1 (${B}): connection refused; server 2 (${C}): connection refused\n`,
    });
  });
});

describe("a change", () => {
  test("is told, then the members", async () => {
    expect(await run("add", "5", D)).toMatchObject({
      status: 0,
      stderr: "",
      stdout: [
        `node 5 (${D}) is a learner now`,
        "",
        "ID  ADDRESS      ROLE     LEADER  UP",
        "0   127.0.0.1:1  voter    *       yes",
        "1   [::1]:2      voter            yes",
        "2   127.0.0.1:3  voter            yes",
        "5   127.0.0.1:4  learner          no",
        "",
        "epoch 1: 3 voters, 1 learner, quorums of 2 to prepare and 2 to accept",
        "",
      ].join("\n"),
    });
    expect(asked()).toMatchObject([{ type: { case: "addLearner", value: { nodeId: 5n, address: D } } }]);
    expect(asked()[0]).toMatchObject({ force: false });
  });

  test.each<[string[], object, string]>([
    [
      ["add", "host"],
      { case: "addLearner", value: { nodeId: 3n, address: "host:2346" } },
      "node 3 (host:2346) is a learner now",
    ],
    [["promote", "2"], { case: "promote", value: 2n }, "node 2 is a voter now"],
    [["demote", "2"], { case: "demote", value: 2n }, "node 2 is a learner now"],
    [["remove", "2"], { case: "remove", value: 2n }, "node 2 is no member any more"],
    [
      ["replace", "2", "3", D],
      { case: "replace", value: { leaves: 2n, comes: 3n, address: D } },
      "node 3 has taken the place of node 2",
    ],
    [["move", "2", D], { case: "move", value: { nodeId: 2n, address: D } }, `node 2 is at ${D} now`],
    [
      ["priority", "2", "7"],
      { case: "setPriority", value: { nodeId: 2n, priority: 7 } },
      "node 2 has priority 7 now",
    ],
    [
      ["quorums", "3", "1"],
      { case: "setQuorums", value: { prepareQuorum: 3, acceptQuorum: 1 } },
      "3 voters must answer a prepare, and 1 accept, from now on",
    ],
    [
      ["quorums", "majority"],
      { case: "setQuorums", value: { prepareQuorum: 0, acceptQuorum: 0 } },
      "2 voters must answer a prepare, and 2 accept, from now on",
    ],
    [
      ["set", "--voters", `0,1,5=${D}`, "--learners", "2"],
      {
        case: "setMembers",
        value: {
          voters: [
            { nodeId: 0n, address: "" },
            { nodeId: 1n, address: "" },
            { nodeId: 5n, address: D },
          ],
          learners: [{ nodeId: 2n, address: "" }],
        },
      },
      "the members are those that were given",
    ],
  ])("%j", async (args, type, text) => {
    const { status, stdout } = await run(...args, "--force", "--epoch", "0");
    expect([status, stdout.split("\n")[0]]).toEqual([0, text]);
    expect(asked()).toMatchObject([{ type, force: true, epoch: 0n }]);
    expect(asked()[0]?.changeId).not.toBe(0n);
  });

  test("as JSON says what has changed, and the members", async () => {
    const { stdout } = await run("remove", "2", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      changed: "node 2 is no member any more",
      epoch: 1,
      members: [{ id: 0 }, { id: 1 }],
    });
  });

  test("goes to the leader, wherever that is, also when no hostfile names it", async () => {
    await run("replace", "0", "3", D);
    cluster.start(D, 3);
    cluster.statuses.delete(A);
    cluster.leaderId = 3n;
    expect(await run("remove", "2")).toMatchObject({ status: 0 });
    expect(cluster.leaderAsked.at(-1)?.address).toBe(D);
  });

  test("that is lost in the middle is made once", async () => {
    cluster.leaderBehaviours.push(() => "serve, then fail");
    expect(await run("remove", "2")).toMatchObject({ status: 0 });
    expect(cluster.record.epoch).toBe(1n);
    cluster.leaderBehaviours.push(() => {
      cluster.leaderId = 1n;
    });
    expect(await run("add", D)).toMatchObject({ status: 0 });
    const [, first, second] = asked();
    expect(second).toEqual(first);
    expect(cluster.record.epoch).toBe(2n);
  });

  test("that the cluster refuses says why", async () => {
    const unfit = "of the 2 voters that there would be, 1 are up and level, 2 are needed; wait, or force it";
    const refuse = (code: "refused" | "invalid", why: string) => () => {
      throw new RequestError(code, why);
    };
    cluster.leaderBehaviours.push(refuse("refused", unfit), refuse("invalid", "node 7 is no member"));
    expect(await run("remove", "2")).toMatchObject({
      status: 1,
      stdout: "",
      stderr: `paxos-client: refused: ${unfit}\n`,
    });
    expect(await run("remove", "7", "--json")).toMatchObject({
      status: 1,
      stdout: '{"error":"refused: node 7 is no member"}\n',
      stderr: "",
    });
    expect((await run("remove", "2", "--epoch", "9")).stderr).toContain(
      "refused: the change was meant for epoch 9, the cluster is in epoch 0",
    );
  });

  test("without a leader in time is not made", async () => {
    cluster.leaderId = undefined;
    const { status, stderr, client } = await run("remove", "2", "--timeout", "5");
    expect([status, stderr]).toEqual([
      1,
      "paxos-client: no leader was found until the end: the servers know no leader; the change was not made\n",
    ]);
    expect(client.time.now).toBeGreaterThanOrEqual(5_000);
  });

  test("without an answer in time may have been made", async () => {
    cluster.leaderBehaviours.push(() => "hang");
    const { status, stderr } = await run("remove", "2", "--timeout", "5");
    expect(status).toBe(1);
    expect(stderr).toContain(
      "the change may or may not have been made, by an attempt that had no answer: look at the members\n",
    );
  });

  test("is given up when the program is interrupted", async () => {
    cluster.leaderBehaviours.push(() => "hang");
    const client = new ClientRun(["member", "remove", "2", "-h", hosts, "--timeout", "0"], cluster);
    await client.until(() => cluster.leaderAsked.length > 0);
    client.interrupt.abort("SIGINT");
    expect(await client.done).toBe(130);
    expect(client.stderr).toContain("may or may not have been made");
  });
});

describe("transfer", () => {
  const transfer = (...args: string[]) => runClient(["transfer", "-h", hosts, ...args], cluster);

  test("says who led and who leads", async () => {
    expect(await transfer("2")).toMatchObject({ status: 0, stdout: "leadership: node 0 -> node 2\n" });
    expect(await transfer()).toMatchObject({ status: 0, stdout: "leadership: node 2 -> node 0\n" });
    expect(await transfer("1", "--json")).toMatchObject({ status: 0, stdout: '{"from":0,"to":1}\n' });
    expect(await transfer("1")).toMatchObject({ status: 0, stdout: "leadership: node 1 leads already\n" });
    expect(cluster.leaderAsked.map(({ what }) => what)).toEqual([2n, undefined, 1n, 1n]);
  });

  test("that is refused says why", async () => {
    cluster.leaderBehaviours.push(() => {
      throw new RequestError("refused", "node 7 is no voter");
    });
    expect(await transfer("7")).toMatchObject({
      status: 1,
      stderr: "paxos-client: refused: node 7 is no voter\n",
    });
  });

  test("without a leader says so", async () => {
    cluster.leaderId = undefined;
    expect(await transfer("--timeout", "1")).toMatchObject({
      status: 1,
      stderr:
        "paxos-client: no leader was found until the end: the servers know no leader; the hand-over was not made\n",
    });
  });
});
