// Linearizable and local reads, in the process and by request.
import { expect, test } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { RequestError } from "@paxos/core";
import { Consistency, QueryRequestSchema } from "@paxos/proto";
import { MemoryCluster } from "./memory-cluster.js";
import { bytes, RecordingMachine, text } from "./recording-machine.js";
import { rejectionOf } from "./rejection-of.js";
import { turns } from "./until.js";

const never = new AbortController().signal;

test("every node answers with all that was acknowledged anywhere before, even one that has just been behind", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, behind = -1, other = -1] = await cluster.roles();
  // It learns of nothing by itself.
  for (const from of [leader, other]) cluster.hub.cut(from, behind);
  await cluster.member(leader).replica.submit(bytes("new"));
  expect(cluster.member(behind).machine.applied).toEqual([]);
  let answered = false;
  const reading = cluster
    .member(behind)
    .replica.read(bytes(""))
    .finally(() => (answered = true));
  await turns();
  expect(answered).toBe(false);
  cluster.hub.heal();
  await cluster.until(() => answered, "the read is served");
  const { result, seq } = await reading;
  expect(text(result)).toBe("new");
  expect(seq).toBe(Number(cluster.member(behind).replica.status().appliedSeq));
  for (const { replica } of cluster.members) expect(text((await replica.read(bytes(""))).result)).toBe("new");
});

test("a function looks at the state itself, once, and between updates", async () => {
  await using cluster = await MemoryCluster.start(3);
  const { replica, machine } = cluster.member(1);
  const submitted = Array.from({ length: 20 }, (_, i) => replica.submit(bytes(`${i}`)));
  await Promise.all(submitted);
  let looks = 0;
  const { result } = await replica.read(() => {
    looks++;
    return machine.applied.length;
  });
  expect([result, looks]).toEqual([20, 1]);
  await expect(
    replica.read(() => {
      throw new Error("my own");
    }),
  ).rejects.toThrow("my own");
});

test("reads cost no save and no place in the order", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1] = await cluster.roles();
  await cluster.member(leader).replica.submit(bytes("x"));
  await cluster.heartbeats();
  const saves = () => cluster.members.map(({ storage }) => storage.begun.length);
  const seqs = () => cluster.members.map(({ replica }) => replica.status().localAru);
  const before = [saves(), seqs()];
  for (let round = 0; round < 5; round++) {
    const reads = Array.from({ length: 200 }, (_, i) =>
      cluster.member(i % 2 === 0 ? leader : follower).replica.read(bytes("")),
    );
    expect(await Promise.all(reads)).toHaveLength(200);
  }
  expect([saves(), seqs()]).toEqual(before);
});

test("all that are asked for in one turn share their messages", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader] = await cluster.roles();
  const sent: string[] = [];
  cluster.hub.onSend = ({ type }) => void sent.push(type.case ?? "");
  await Promise.all(Array.from({ length: 500 }, () => cluster.member(leader).replica.read(bytes(""))));
  expect(sent.filter((kind) => kind === "confirmView")).toHaveLength(2);
  expect(sent.filter((kind) => kind === "viewConfirmed")).toHaveLength(2);
});

test("a leader that has been cut off, and does not know of its successor, answers nothing; locally it answers what it has", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, follower = -1] = await cluster.roles();
  const { replica } = cluster.member(leader);
  await replica.submit(bytes("old"));
  for (const other of cluster.members.keys()) {
    if (other === leader) continue;
    cluster.hub.cut(leader, other);
    cluster.hub.cut(other, leader);
  }
  const controller = new AbortController();
  let served = false;
  const reading = rejectionOf(
    replica.read(bytes(""), { signal: controller.signal }).finally(() => (served = true)),
  );
  await cluster.until(
    () => Number(cluster.member(follower).replica.status().leaderId ?? leader) !== leader,
    "another leader",
  );
  await cluster.member(follower).replica.submit(bytes("new"));
  await turns();
  expect(served).toBe(false);
  expect(text((await replica.read(bytes(""), { consistency: "local" })).result)).toBe("old");
  controller.abort();
  expect(await reading).toMatchObject({ code: "cancelled" });
});

test("requests: the answer, the seq, and who answers; bad ones are refused, what fails fails alone", async () => {
  await using cluster = await MemoryCluster.start(3);
  const { handler, replica, lines } = cluster.member(2);
  const { seq } = await replica.submit(bytes("x"));
  const ask = (query: string, consistency = Consistency.UNSPECIFIED) =>
    handler.query(create(QueryRequestSchema, { query: bytes(query), consistency }), never);
  for (const consistency of [Consistency.UNSPECIFIED, Consistency.LOCAL]) {
    const answer = await ask("", consistency);
    expect(answer).toMatchObject({ nodeId: 2n, seq: BigInt(seq) });
    expect(text(answer.result)).toBe("x");
  }
  expect(await rejectionOf(ask("refuse"))).toMatchObject({
    code: "invalid",
    message: "nothing of that name",
  });
  // As a state machine does that has a copy of the core of its own.
  const elsewhere = await rejectionOf(ask("refuse elsewhere"));
  expect(elsewhere).toBeInstanceOf(RequestError);
  expect(elsewhere).toMatchObject({ code: "invalid", message: "nothing there" });
  expect(await rejectionOf(ask("fail"))).toMatchObject({ name: "Error", message: "broken" });
  expect(lines).toContain("error: the state machine has failed at a query of 4 bytes: Error: broken");
  expect(await rejectionOf(ask("", 7 as Consistency))).toMatchObject({ code: "invalid" });
  expect(await ask("")).toMatchObject({ nodeId: 2n });
});

test("a state machine without queries says so", async () => {
  const machine = new RecordingMachine();
  const stateMachine = { apply: (update: Uint8Array, seq: number) => machine.apply(update, seq) };
  await using cluster = await MemoryCluster.start(1, { stateMachine });
  expect(await rejectionOf(cluster.member(0).replica.read(bytes("")))).toMatchObject({
    code: "invalid",
    message: "the state machine answers no queries",
  });
});

test("those that wait are told when the node is removed, loses its storage, or is closed", async () => {
  await using cluster = await MemoryCluster.start(3);
  const [leader, removed = -1, failing = -1] = await cluster.roles();
  const wait = async (id: number) => {
    let error: unknown;
    void rejectionOf(cluster.member(id).replica.read(bytes(""))).then((rejection) => (error = rejection));
    await turns();
    expect(error).toBeUndefined();
    return () => error;
  };
  // Nobody is answered.
  cluster.hub.holds = ({ type }) => type.case === "readIndexRequest" || type.case === "viewConfirmed";
  const ofRemoved = await wait(removed);
  await cluster.member(leader).replica.changeMembership({ type: { case: "remove", value: BigInt(removed) } });
  await cluster.until(() => ofRemoved() !== undefined, "who was removed is told");
  expect(ofRemoved()).toMatchObject({ code: "unavailable" });
  expect(await rejectionOf(cluster.member(removed).replica.read(bytes("")))).toMatchObject({
    code: "unavailable",
  });

  const ofFailing = await wait(failing);
  cluster.member(failing).storage.fail(new Error("no space"));
  void rejectionOf(cluster.member(leader).replica.submit(bytes("to be saved")));
  await cluster.until(() => ofFailing() !== undefined, "who cannot save is told");
  expect(ofFailing()).toMatchObject({ code: "unavailable" });

  const ofLeader = await wait(leader);
  await cluster.member(leader).replica.close();
  expect(ofLeader()).toMatchObject({ code: "unavailable" });
});
