// A majority is lost for good: one survivor becomes a new cluster, and grows again.
import { expect, jest, test } from "@jest/globals";

import { type Cluster, withCluster } from "./cluster.js";
import { freePorts } from "../../../scripts/free-ports.mjs";
import { addressOf, patient } from "./hosts.js";
import { type Ended, spawnCommand } from "./program-process.js";
import { until } from "./until.js";

jest.setTimeout(patient(180_000));

const lines = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

/** Answers what `recover` asks; undefined: its input ends. */
async function recover(directory: string, typed?: string): Promise<Ended> {
  const command = spawnCommand(["recover", "--data-dir", directory, "--new-cluster"]);
  command.child.stdin.end(typed === undefined ? "" : `${typed}\n`);
  const ended = await command.ended;
  expect(ended.stderr).not.toMatch(/^ +at /m);
  return ended;
}

/** What is to be typed. */
async function confirmationFor(directory: string): Promise<string> {
  const { status, stdout, stderr } = await recover(directory);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/not confirmed: nothing was changed\n$/);
  return /^To go on, type: (.*)$/m.exec(stderr)?.[1] ?? "";
}

/** Runs a client that knows node 2 alone, to its end. */
async function ask(cluster: Cluster, args: readonly string[], input = ""): Promise<Ended> {
  const client = cluster.startClient(args, 2);
  client.child.stdin.end(input);
  return client.ended;
}

test("one survivor goes on with all that was acknowledged; the old members are refused, new ones are added", async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    const directory = cluster.dataDirectory(2);
    const before = lines(100, "before");
    expect(await cluster.submit(before, ["--in-flight", "16"])).toMatchObject({ status: 0 });
    await cluster.level();
    // Which of those that were under way at once comes first is open until here.
    const ordered = (await cluster.log(2)).map(({ update }) => update);
    expect(ordered.toSorted()).toEqual(before.toSorted());

    // Not while it runs.
    const inUse = await recover(directory, "whatever");
    expect(inUse.status).toBe(2);
    expect(inUse.stderr).toContain("is in use already");
    await Promise.all([0, 1, 2].map((id) => cluster.kill(id)));

    const interrupted = spawnCommand(["recover", "--data-dir", directory, "--new-cluster"]);
    await until("it asks", () => interrupted.stderr.includes("To go on, type:"));
    const { status, stderr } = await interrupted.end("SIGINT");
    expect(status).toBe(1);
    expect(stderr).toMatch(/not confirmed: nothing was changed\n$/);
    const words = await confirmationFor(directory);
    expect(words).toMatch(/^node 2 alone up to seq \d+$/);
    const wrong = await recover(directory, "yes");
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toContain(`not confirmed: that is not "${words}"; nothing was changed`);

    // Nothing was changed indeed: all three go on as before.
    [0, 1, 2].forEach((id) => cluster.startServer(id));
    await cluster.leader();
    expect(await cluster.submit(["still three"])).toMatchObject({ status: 0 });
    await cluster.level();
    await Promise.all([0, 1, 2].map((id) => cluster.kill(id)));

    const done = await recover(directory, await confirmationFor(directory));
    expect(done.status).toBe(0);
    expect(done.stderr).toContain(`other members: 0 (${cluster.addresses[0]}), 1 (${cluster.addresses[1]})`);
    expect(done.stdout).toContain("node 2 is a new cluster, in epoch 1.");
    cluster.startWithoutHostfile(2);
    expect(await ask(cluster, [], "alone\n")).toMatchObject({ status: 0 });
    const kept = (await cluster.log(2)).map(({ update }) => update);
    expect(kept).toEqual([...ordered, "still three", "alone"]);
    expect(cluster.server(2).stderr).not.toContain("reached no peer");

    // Somebody starts an old member all the same.
    const stray = cluster.startServer(0);
    await until("it is told that it belongs to another cluster", () =>
      /refused by node 2 .*node 0 belongs to cluster/.test(stray.stderr),
    );

    const [port = 0] = await freePorts(1);
    const address = `${addressOf(3)}:${port}`;
    expect(await ask(cluster, ["member", "add", "3", address])).toMatchObject({ status: 0 });
    cluster.join(3, cluster.addresses[2] ?? "");
    // Refused until it is level.
    await until(
      "node 3 is promoted",
      async () => (await ask(cluster, ["member", "promote", "3"])).status === 0,
    );
    expect(await ask(cluster, [], "together\n")).toMatchObject({ status: 0 });
    await until("node 3 has it all", async () => {
      const [old, added] = await Promise.all([cluster.status(2), cluster.statusAt(address)]);
      return old !== undefined && old.localAru === added?.localAru;
    });
  });
});

test("of a removed member's directory it is said that it may know nothing since; it can be recovered all the same", async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    expect(await cluster.submit(["before"])).toMatchObject({ status: 0 });
    await cluster.level();
    const removed = cluster.server(1);
    expect(await ask(cluster, ["member", "remove", "1"])).toMatchObject({ status: 0 });
    expect((await removed.ended).status).toBe(0);
    expect(await ask(cluster, [], "after\n")).toMatchObject({ status: 0 });
    await Promise.all([0, 2].map((id) => cluster.kill(id)));

    const directory = cluster.dataDirectory(1);
    const { stderr, stdout, status } = await recover(directory, await confirmationFor(directory));
    expect(stderr).toContain(
      "NOTE                   this node was removed in epoch 1, and may know nothing since",
    );
    expect(stdout).toContain("node 1 is a new cluster, in epoch 2.");
    expect(status).toBe(0);
    cluster.startWithoutHostfile(1);
    const client = cluster.startClient([], 1);
    client.child.stdin.end("alone\n");
    expect(await client.ended).toMatchObject({ status: 0 });
    // It may have learnt of what was ordered behind its removal before it left, or not.
    const kept = (await cluster.log(1)).map(({ update }) => update).filter((update) => update !== "after");
    expect(kept).toEqual(["before", "alone"]);
  });
});

test("a directory that holds no member is named, and stays as it is", async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    const { status, stderr } = await recover(`${cluster.directory}/none`, "whatever");
    expect(status).toBe(2);
    expect(stderr).toMatch(/none holds no member's data; name the data directory of the survivor/);
  });
});
