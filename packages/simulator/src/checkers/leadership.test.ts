import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { firstEpoch } from "@paxos/core";
import { MessageSchema } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import { Epochs } from "./epochs.js";
import { Leadership } from "./leadership.js";

const progressTicks = 10;
/** The last tick at which silence, or a save, is not yet too long. */
const limit = progressTicks + 2;

/** Of three nodes; node 0 is the one that leads. */
function setUp() {
  const found: string[] = [];
  const record = firstEpoch(["a:1", "b:1", "c:1"]);
  const checker = new Leadership(new Epochs(record), progressTicks, (finding) => found.push(finding));
  const sends = (nodeId: number, type: MessageInitShape<typeof MessageSchema>["type"] & object) =>
    checker.sent(nodeId, create(MessageSchema, { type }));
  return {
    checker,
    found,
    tick: (count: number) => {
      for (let i = 0; i < count; i++) checker.ticked(0);
    },
    hears: (from: number) => checker.delivered(0, create(MessageSchema, { from: BigInt(from) })),
    leads: (view: number, leading = true) =>
      sends(0, { case: "heartbeat", value: { view: BigInt(view), leading } }),
    promises: (nodeId: number, view: number) =>
      sends(nodeId, { case: "prepareOk", value: { view: BigInt(view) } }),
    proposes: (view: number) => sends(0, { case: "proposal", value: { view: BigInt(view) } }),
    attempts: (nodeId: number) => sends(nodeId, { case: "viewChange", value: {} }),
  };
}

describe("a leader hears an accept quorum", () => {
  test("lately", () => {
    const { found, tick, hears, leads } = setUp();
    hears(1);
    leads(3);
    tick(limit);
    leads(3);
    expect(found).toEqual([]);
    tick(1);
    leads(3);
    expect(found).toEqual(["node 0 leads view 3 though it hears 1 voters, itself included"]);
  });

  test("any, at whatever time each was heard", () => {
    const { found, tick, hears, leads } = setUp();
    leads(3);
    for (const from of [1, 2, 1, 2]) {
      hears(from);
      tick(limit);
      leads(3);
    }
    expect(found).toEqual([]);
  });

  test("but not at once: it asks itself at its ticks", () => {
    const { found, tick, leads } = setUp();
    tick(100);
    leads(3);
    tick(1);
    leads(3);
    expect(found).toEqual([]);
    tick(1);
    leads(3);
    expect(found).toHaveLength(1);
  });

  test("who does not lead may hear nobody", () => {
    const { found, tick, leads } = setUp();
    leads(3, false);
    tick(100);
    leads(3, false);
    expect(found).toEqual([]);
  });

  test("heard in this life, not in one before", () => {
    const { checker, found, tick, hears, leads } = setUp();
    hears(1);
    checker.started(0);
    leads(3);
    tick(2);
    leads(3);
    expect(found).toHaveLength(1);
  });
});

describe("a leader can save", () => {
  const late = () => {
    const all = setUp();
    all.leads(3);
    all.checker.saveBegins(0);
    all.tick(limit);
    all.hears(1);
    all.leads(3);
    expect(all.found).toEqual([]);
    return all;
  };

  test("within the progress timeout", () => {
    const { found, tick, leads } = late();
    tick(1);
    leads(3);
    expect(found).toEqual(["node 0 leads view 3 though a save of its has been under way for 13 ticks"]);
  });

  test("and each save has its own time", () => {
    const { checker, found, tick, hears, leads } = late();
    checker.saveEnds(0);
    checker.saveBegins(0);
    tick(limit);
    hears(1);
    leads(3);
    checker.saveEnds(0);
    tick(5);
    leads(3);
    expect(found).toEqual([]);
  });

  test("a restart ends what was under way", () => {
    const { checker, found, tick, hears, leads } = late();
    checker.started(0);
    leads(4);
    tick(100);
    hears(1);
    leads(4);
    expect(found).toEqual([]);
  });
});

test("who proposes has been promised the view by a prepare quorum, itself included", () => {
  const { found, promises, proposes } = setUp();
  promises(1, 3);
  proposes(3);
  expect(found).toEqual([]);
  promises(0, 6);
  promises(0, 6);
  promises(2, 7);
  proposes(6);
  expect(found).toEqual(["node 0 proposes in view 6, which 1 voters have promised"]);
});

test("attempts at views are counted, by node", () => {
  const { checker, attempts } = setUp();
  attempts(1);
  attempts(1);
  attempts(2);
  expect([0, 1, 2].map((id) => checker.attemptsOf(id))).toEqual([0, 2, 1]);
});
