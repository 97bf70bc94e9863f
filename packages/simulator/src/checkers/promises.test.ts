import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Save } from "@paxos/core";
import { MessageSchema, PersistentStateSchema, StoredRunSchema, type Message } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import { Promises } from "./promises.js";

type MessageInit = Extract<MessageInitShape<typeof MessageSchema>, { $typeName?: never }>["type"];

const message = (type: NonNullable<MessageInit>, to = 1): Message =>
  create(MessageSchema, { to: BigInt(to), type });

interface SaveFields {
  readonly promised: number;
  readonly led?: number;
  readonly aru?: number;
  /** View and first seq, and how many. */
  readonly accepts?: readonly (readonly [view: number, seq: number, count: number])[];
}

const saveOf = ({ promised, led, aru = 0, accepts = [] }: SaveFields): Save => ({
  number: 1,
  state: create(PersistentStateSchema, {
    promisedView: BigInt(promised),
    localAru: BigInt(aru),
    ...(led !== undefined && { ledView: BigInt(led) }),
  }),
  runs: accepts.map(([view, seq, count]) =>
    create(StoredRunSchema, {
      proposal: {
        view: BigInt(view),
        seq: BigInt(seq),
        updates: Array.from({ length: count }, () => Uint8Array.of(1)),
      },
    }),
  ),
  messages: [],
});

const accept = (view: number, seq: number) =>
  message({ case: "accept", value: { view: BigInt(view), seq: BigInt(seq) } });
const prepare = (view: number, localAru = 0) =>
  message({ case: "prepare", value: { view: BigInt(view), localAru: BigInt(localAru) } });
const proposal = (view: number) => message({ case: "proposal", value: { view: BigInt(view), seq: 1n } });
const prepareOk = (
  view: number,
  told: readonly (readonly [view: number, seq: number, count: number])[],
  localAru = 0,
) =>
  message({
    case: "prepareOk",
    value: {
      view: BigInt(view),
      localAru: BigInt(localAru),
      dataList: told.map(([of, seq, count]) => ({
        type: {
          case: "proposal",
          value: {
            view: BigInt(of),
            seq: BigInt(seq),
            updates: Array.from({ length: count }, () => Uint8Array.of(1)),
          },
        },
      })),
    },
  });

interface HeartbeatFields {
  readonly view?: number;
  readonly promised?: number;
  readonly aru?: number;
  readonly leading?: boolean;
  readonly preparing?: boolean;
}

const heartbeat = ({
  view = 0,
  promised = 0,
  aru = 0,
  leading = false,
  preparing = false,
}: HeartbeatFields) =>
  message({
    case: "heartbeat",
    value: {
      view: BigInt(view),
      promisedView: BigInt(promised),
      localAru: BigInt(aru),
      leading,
      preparing,
    },
  });

function setUp() {
  const found: string[] = [];
  const checker = new Promises((finding) => found.push(finding));
  const durable = (fields: SaveFields, nodeId = 0) => checker.durable(nodeId, saveOf(fields));
  const sent = (...messages: Message[]) => {
    for (const one of messages) checker.sent(0, one);
  };
  return { checker, found, durable, sent };
}

test("a node that promises, accepts and tells in order is above suspicion", () => {
  const { checker, found, durable, sent } = setUp();
  checker.started(0, { storeId: 1n, runs: [] });
  sent(heartbeat({}));
  durable({ promised: 3, accepts: [[3, 1, 2]] });
  sent(accept(3, 1), accept(3, 2), heartbeat({ promised: 3 }));
  durable({ promised: 3, aru: 2 });
  sent(heartbeat({ promised: 3, aru: 2 }));
  checker.delivered(0, prepare(4, 1));
  durable({ promised: 4, aru: 2, accepts: [] });
  sent(prepareOk(4, [], 2));
  durable({ promised: 5, aru: 2, led: 5 });
  sent(prepare(5), proposal(5), heartbeat({ view: 5, promised: 5, aru: 2, leading: true }));
  checker.started(0, { storeId: 1n, state: saveOf({ promised: 5, aru: 2 }).state, runs: [] });
  // After a restart it may tell of less: it is a new life.
  sent(heartbeat({ promised: 4, aru: 1 }));
  expect(found).toEqual([]);
});

describe("what is durable never goes back", () => {
  const cases: [string, SaveFields][] = [
    ["the promise", { promised: 4, led: 2, aru: 7 }],
    ["the ARU", { promised: 5, led: 2, aru: 6 }],
    ["the view led last", { promised: 5, led: 1, aru: 7 }],
    ["the view led last, to none", { promised: 5, aru: 7 }],
  ];
  test.each(cases)("%s", (_, fields) => {
    const { found, durable } = setUp();
    durable({ promised: 5, led: 2, aru: 7 });
    expect(found).toEqual([]);
    durable(fields);
    expect(found).toEqual([expect.stringMatching(/^node 0 saves a promise of .* after view 5, 7, view 2$/)]);
  });

  test("also over a restart; but an emptied disk begins anew", () => {
    const { checker, found, durable } = setUp();
    durable({ promised: 5 });
    checker.started(0, { storeId: 1n, state: saveOf({ promised: 5 }).state, runs: [] });
    durable({ promised: 4 });
    expect(found).toHaveLength(1);
    checker.exchanged(0, { storeId: 2n, runs: [] });
    checker.started(0, { storeId: 2n, runs: [] });
    durable({ promised: 1 });
    expect(found).toHaveLength(1);
  });
});

describe("nothing leaves before what it rests on is durable", () => {
  const cases: [string, Message, string][] = [
    ["an Accept above the promise", accept(6, 1), "node 0 sends an Accept of view 6, which is not durable"],
    ["a PrepareOK", prepareOk(6, []), "node 0 sends a PrepareOK of view 6, which is not durable"],
    [
      "a heartbeat's promise",
      heartbeat({ promised: 6 }),
      "node 0 sends a heartbeat's promise of view 6, which is not durable",
    ],
    ["a Prepare", prepare(5), "node 0 sends a Prepare of view 5 before it durably leads it"],
    ["a Proposal", proposal(5), "node 0 sends a Proposal of view 5 before it durably leads it"],
    [
      "a leader's heartbeat",
      heartbeat({ view: 5, promised: 5, leading: true }),
      "node 0 sends a heartbeat of view 5 before it durably leads it",
    ],
    [
      "a preparing leader's heartbeat",
      heartbeat({ view: 5, promised: 5, preparing: true }),
      "node 0 sends a heartbeat of view 5 before it durably leads it",
    ],
  ];
  test.each(cases)("%s", (_, one, finding) => {
    const { found, durable, sent } = setUp();
    // Accepted in views below, so that nothing else is wrong with an Accept.
    durable({ promised: 5, led: 4, aru: 1 });
    sent(one);
    expect(found).toEqual([finding]);
  });

  test("an Accept of what was not accepted, or was in a lower view only", () => {
    const { found, durable, sent } = setUp();
    durable({
      promised: 5,
      aru: 1,
      accepts: [
        [4, 2, 1],
        [5, 3, 2],
      ],
    });
    sent(accept(5, 1), accept(5, 3), accept(5, 4), accept(4, 2));
    expect(found).toEqual([]);
    sent(accept(5, 2));
    expect(found).toEqual(["node 0 sends an Accept of seq 2 in view 5, which is not durable"]);
    sent(accept(5, 5));
    expect(found).toHaveLength(2);
  });

  test("of each node by itself", () => {
    const { checker, found, durable } = setUp();
    durable({ promised: 5, accepts: [[5, 1, 1]] }, 1);
    checker.sent(1, accept(5, 1));
    expect(found).toEqual([]);
    checker.sent(0, accept(5, 1));
    expect(found).toContain("node 0 sends an Accept of view 5, which is not durable");
  });
});

test("nothing is accepted below the promise: a save that holds a higher view raises it", () => {
  const { found, durable } = setUp();
  durable({
    promised: 5,
    accepts: [
      [5, 1, 1],
      [4, 2, 1],
    ],
  });
  expect(found).toEqual([]);
  durable({ promised: 5, accepts: [[6, 3, 1]] });
  expect(found).toEqual(["node 0 accepts in view 6, between the promises of view 5 and view 5"]);
});

test("nothing is accepted below the promise of the save before", () => {
  const { found, durable } = setUp();
  durable({ promised: 5 });
  durable({ promised: 6, accepts: [[5, 1, 1]] });
  expect(found).toEqual([]);
  durable({ promised: 6, accepts: [[5, 2, 1]] });
  expect(found).toEqual(["node 0 accepts in view 5, between the promises of view 6 and view 6"]);
});

test("what was learnt as ordered is no acceptance", () => {
  const { checker, found, sent } = setUp();
  const { runs, ...save } = saveOf({ promised: 2, accepts: [[9, 1, 1]] });
  for (const run of runs) run.ordered = true;
  checker.durable(0, { ...save, runs });
  expect(found).toEqual([]);
  sent(accept(2, 1));
  expect(found).toHaveLength(1);
});

describe("a PrepareOK tells of everything that was accepted", () => {
  const accepted = () => {
    const all = setUp();
    all.durable({
      promised: 5,
      accepts: [
        [3, 1, 3],
        [5, 3, 2],
      ],
    });
    all.durable({ promised: 9 });
    return all;
  };
  const missing = (seq: number, view: number) =>
    `node 0 does not tell node 1 in its PrepareOK of view 9 that it accepted seq ${seq} in view ${view}`;

  test("all of it", () => {
    const { found, sent } = accepted();
    sent(
      prepareOk(9, [
        [3, 1, 2],
        [5, 3, 2],
      ]),
    );
    expect(found).toEqual([]);
  });

  test("and not less", () => {
    const { found, sent } = accepted();
    sent(prepareOk(9, [[5, 3, 2]]));
    expect(found).toEqual([missing(1, 3), missing(2, 3)]);
  });

  test("nor of a lower view than the highest", () => {
    const { found, sent } = accepted();
    sent(
      prepareOk(9, [
        [3, 1, 3],
        [5, 4, 1],
      ]),
    );
    expect(found).toEqual([missing(3, 5)]);
  });

  test("but for what is ordered, as far as it or the leader knows", () => {
    const { checker, found, sent } = accepted();
    sent(prepareOk(9, [[5, 3, 2]], 2));
    checker.delivered(0, prepare(9, 3));
    checker.delivered(0, prepare(9, 2));
    checker.delivered(0, prepare(8, 4));
    sent(prepareOk(9, [[5, 4, 1]]));
    expect(found).toEqual([]);
    sent(prepareOk(9, []));
    expect(found).toEqual([missing(4, 5)]);
  });

  test("nor of what was accepted in the view itself", () => {
    const { found, sent } = accepted();
    sent(prepareOk(5, [[3, 1, 2]]));
    expect(found).toEqual([]);
  });

  test("a restart forgets which Prepares came, an emptied disk what was accepted", () => {
    const { checker, found, sent } = accepted();
    checker.delivered(0, prepare(9, 4));
    checker.started(0, { storeId: 1n, state: saveOf({ promised: 9 }).state, runs: [] });
    sent(
      prepareOk(9, [
        [3, 1, 2],
        [5, 3, 1],
      ]),
    );
    expect(found).toEqual([missing(4, 5)]);
    checker.exchanged(0, { storeId: 2n, runs: [] });
    checker.started(0, { storeId: 2n, runs: [] });
    checker.durable(0, saveOf({ promised: 9 }));
    sent(prepareOk(9, []));
    expect(found).toHaveLength(1);
  });
});

test("what a node tells of itself does not go back in one life", () => {
  const cases: HeartbeatFields[] = [
    { promised: 5, aru: 3 },
    { promised: 4, aru: 4 },
  ];
  for (const fields of cases) {
    const { found, durable, sent } = setUp();
    durable({ promised: 5, aru: 4 });
    sent(heartbeat({ promised: 5, aru: 4 }), heartbeat({ promised: 5, aru: 4 }));
    expect(found).toEqual([]);
    sent(heartbeat(fields));
    expect(found).toEqual([
      `node 0 tells ARU ${fields.aru}, promise of view ${fields.promised} after 4, view 5`,
    ]);
  }
});
