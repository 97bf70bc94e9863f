// Nodes that cannot agree about a view may talk to each other in rounds. A round must cost a heartbeat, not a round trip.
import { expect, test } from "@jest/globals";
import { LoneNode } from "./lone-node.js";

const attemptBy = (nodeId: number, view: number, hearsQuorum: boolean) => {
  return {
    case: "viewChange" as const,
    value: { nodeId: BigInt(nodeId), attemptedView: BigInt(view), hearsQuorum },
  };
};
const proofBy = (nodeId: number, view: number) => {
  return {
    case: "viewChangeProof" as const,
    value: { nodeId: BigInt(nodeId), installedView: BigInt(view), hearsLeader: true },
  };
};

// Found by random faults: nodes 1 and 2 did not hear the leader, node 0 did, and told both so in turn.
test("a node that was told of a leader does not join an attempt before it could have heard that leader", () => {
  const node = new LoneNode(1, 3).meet();
  node.take("viewChange");
  node.receive(0, proofBy(0, 3));
  expect(node.status).toMatchObject({ role: "follower", view: 3 });
  for (let round = 0; round < 5; round++) node.receive(2, attemptBy(2, 4, true)).receive(0, proofBy(0, 3));
  expect(node.take("viewChange")).toEqual([]);
  expect(node.status).toMatchObject({ role: "follower", view: 3 });
  // It has not heard the leader for a heartbeat: now the attempt is as good as its own would be.
  node.tick(10).receive(2, attemptBy(2, 4, true));
  expect(node.status.role).not.toBe("follower");
  expect(node.take("viewChange")).toMatchObject([
    { to: 0, attemptedView: 4n },
    { to: 2, attemptedView: 4n },
  ]);
});

test("a node chooses a better view than that of a deaf one at most once a heartbeat", () => {
  const node = new LoneNode(1, 5).meet();
  const quorum = (peer: number) => ({
    case: "heartbeat" as const,
    value: { nodeId: BigInt(peer), hearsQuorum: true },
  });
  for (const peer of [2, 3]) node.receive(peer, quorum(peer));
  node.tick(10);
  // Node 0 is deaf and attempts its own view; nodes 2 and 3 are fit, and view 7 is node 2's.
  node.receive(0, attemptBy(0, 5, false));
  const chosen = node.status.view;
  expect(chosen).toBeGreaterThan(5);
  // In the same tick it goes along as it is told, so that two who disagree do not drive each other up.
  node.receive(0, attemptBy(0, 10, false));
  expect(node.status).toMatchObject({ role: "electing", view: 10 });
  node.tick(10);
  for (const peer of [2, 3]) node.receive(peer, quorum(peer));
  node.receive(0, attemptBy(0, 15, false));
  expect(node.status.view).toBeGreaterThan(15);
});
