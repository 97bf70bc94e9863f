import { expect, test } from "@jest/globals";
import { Cluster, log } from "./cluster.js";

test("three nodes order updates", () => {
  const cluster = new Cluster(3);
  cluster.onLog = (id, line) => console.log(id, line);
  cluster.start();
  cluster.settle();
  cluster.elect();
  for (let i = 1n; i <= 10n; i++) cluster.propose(Number(i) % 3, 7n, i);
  cluster.settle();
  cluster.tick(30);
  for (const m of cluster.members) expect(log(m)).toHaveLength(10);
  expect(log(cluster.member(1))).toEqual(log(cluster.member(0)));
  cluster.crash(cluster.leader()!);
  cluster.elect();
  cluster.propose(0, 7n, 11n);
  cluster.tick(20);
  cluster.start(1);
  cluster.tick(50);
  for (const m of cluster.members) expect(log(m)).toHaveLength(11);
});
