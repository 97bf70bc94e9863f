import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { PersistentStateSchema, StoredRunSchema } from "@paxos/proto";
import { Random } from "../src/random.js";
import { Cluster } from "./cluster.js";

interface Trace {
  readonly digest: string;
  readonly messages: number;
  readonly saves: number;
  readonly ordered: number;
}

/** Five nodes under losses and crashes; everything they say, save and order, as one digest. */
function run(seed: number): Trace {
  const random = new Random(seed);
  const hash = createHash("sha256");
  let [messages, saves, ordered] = [0, 0, 0];
  const cluster = new Cluster(5, { runUpdates: 3, windowUpdates: 8, catchUpBytes: 100 });
  cluster.passes = ({ from, to, bytes }) => {
    messages++;
    hash.update(`message ${from} ${to} ${bytes.length} `).update(bytes);
    return random.between(0, 99) >= 5;
  };
  cluster.onSaved = (id, { number, state, runs }) => {
    saves++;
    hash.update(`save ${id} ${number} `).update(toBinary(PersistentStateSchema, state));
    for (const stored of runs) hash.update(toBinary(StoredRunSchema, stored));
  };
  cluster.onLog = (id, line) => hash.update(`log ${id} ${line} `);
  cluster.start();
  for (let round = 0; round < 60; round++) {
    cluster.tick(random.between(1, 30));
    for (const { id } of cluster.up) if (cluster.takeSnapshot(id)) cluster.compact(id, random.between(0, 4));
    for (let i = 0; i < 4; i++) {
      const { id } = cluster.up[random.between(0, cluster.up.length - 1)] ?? { id: 0 };
      if (cluster.up.length > 0) cluster.propose(id, 7n, BigInt(round * 4 + i));
    }
    const id = random.between(0, 4);
    if (cluster.member(id).node === undefined) cluster.start(id);
    else if (cluster.up.length > 3) cluster.crash(id);
  }
  for (const { applied } of cluster.members) {
    ordered = Math.max(ordered, applied.length);
    for (const { seq, timestamp } of applied) hash.update(`ordered ${seq} ${timestamp} `);
  }
  return { digest: hash.digest("hex"), messages, saves, ordered };
}

test("the same configuration, seed and inputs give the same messages, saves and orders, byte for byte", () => {
  const first = run(1);
  expect(run(1)).toEqual(first);
  expect(run(2).digest).not.toBe(first.digest);
  expect(first.messages).toBeGreaterThan(3000);
  expect(first.saves).toBeGreaterThan(200);
  expect(first.ordered).toBeGreaterThan(100);
});
