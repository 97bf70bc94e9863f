import { UpdateKind, type ClientUpdate } from "@paxos/proto";
import { describe, expect, test } from "@jest/globals";
import type { Host } from "../world/host.js";
import type { Answer } from "../world/process.js";
import { World } from "../world/world.js";
import type { Checker } from "../checkers/checker.js";
import { decodeCall, type Call } from "./call.js";
import { Calls } from "./calls.js";
import { Clients } from "./clients.js";
import type { RunConditions } from "./courier.js";

interface Request {
  readonly node: number;
  readonly call: Call;
  readonly update: ClientUpdate;
  readonly signal: AbortSignal;
  readonly answer: (answer: Answer) => void;
}

const conditions: RunConditions = {
  clients: [1, 1],
  thinkMs: [10, 20],
  timeoutMs: [100, 100],
  givesUpPerMille: 0,
  libraryPerMille: 0,
  forgetful: false,
  discover: false,
};

/** Clients of nodes that do as `serve` says; by default they take every request and answer none. */
function setUp(
  changed: Partial<RunConditions> = {},
  serve: (request: Request) => boolean | void = () => true,
  { nodes = 3, seed = 1 } = {},
) {
  const world = new World(seed);
  const requests: Request[] = [];
  const process = (node: number) => ({
    status: () => undefined,
    request: (
      update: ClientUpdate,
      { number }: { number: number },
      signal: AbortSignal,
      answer: (answer: Answer) => void,
    ): boolean => {
      const request = { node, call: calls.all[number] as Call, update, signal, answer };
      requests.push(request);
      return serve(request) ?? true;
    },
  });
  const hosts = Array.from({ length: nodes }, (_, id) => ({
    id,
    process: process(id),
  })) as unknown as Host[];
  const calls = new Calls();
  const answered: [number, number, number][] = [];
  const checker: Checker = { answered: (call, node, seq) => answered.push([call.id, node, seq]) };
  let count = 0;
  const workload = { next: () => Uint8Array.of(++count) };
  const clients = new Clients(world, hosts, calls, workload, { ...conditions, ...changed }, [checker]);
  return { world, hosts, calls, requests, answered, clients };
}

let seq = 0;
const orders = (request: Request) =>
  request.answer({ kind: "ordered", seq: ++seq, result: Uint8Array.of(42) });
const fails = (code: string) => (request: Request) =>
  request.answer({ kind: "failed", code, message: "because" });

describe("a client whose updates are ordered", () => {
  test("sends the workload's updates one after the other, thinking in between, always to the same node", async () => {
    const { world, calls, requests, answered } = setUp({}, orders);
    await world.run(1_000_000);
    expect(calls.all.length).toBeGreaterThan(30);
    expect(calls.retries).toBe(0);
    expect(new Set(requests.map(({ node }) => node)).size).toBe(1);
    calls.all.slice(0, -1).forEach((call, i) => {
      expect(call).toMatchObject({
        outcome: "ordered",
        attempts: 1,
        result: Uint8Array.of(42),
      });
      expect(call.update).toEqual(Uint8Array.of(i + 1));
      const thought = (calls.all[i + 1] as Call).start - call.end;
      expect(thought).toBeGreaterThanOrEqual(10_000);
      expect(thought).toBeLessThanOrEqual(20_000);
    });
    for (const { call, update } of requests)
      expect(decodeCall(update.update)).toEqual({ id: call.id, update: call.update });
    expect(answered[0]).toEqual([0, requests[0]?.node, calls.all[0]?.seq]);
  });

  test("stops when it is told to", async () => {
    const { world, calls, clients } = setUp({ clients: [4, 4] }, orders);
    await world.run(500_000);
    clients.active = false;
    await world.run(600_000);
    const { length } = calls.all;
    expect(clients.idle).toBe(true);
    await world.run(2_000_000);
    expect(calls.all).toHaveLength(length);
  });
});

describe("a client without an answer", () => {
  test("tries again through other nodes: the same bytes, under the same id", async () => {
    const { world, calls, requests, clients } = setUp();
    await world.run(1_000_000);
    expect(calls.all).toHaveLength(1);
    expect(clients.idle).toBe(false);
    expect(calls.retries).toBe(requests.length - 1);
    expect(requests.length).toBeGreaterThan(7);
    expect(new Set(requests.map(({ node }) => node)).size).toBe(3);
    for (const { call, update } of requests) {
      expect(call).toBe(calls.all[0]);
      expect(update).toEqual(requests[0]?.update);
    }
  });

  test("gives up after twelve attempts, and turns to its next update", async () => {
    const { world, calls, requests } = setUp();
    await world.run(1_600_000);
    expect(calls.all[0]).toMatchObject({ outcome: "unknown", attempts: 12, end: Infinity });
    expect(calls.unknown).toBe(1);
    expect(requests[12]?.call.id).toBe(1);
  });

  test("gives up sooner as often as the conditions say", async () => {
    const { world, calls } = setUp({ clients: [20, 20], givesUpPerMille: 500 });
    await world.run(10_000_000);
    const ended = calls.all.filter(({ outcome }) => outcome === "unknown");
    expect(ended.length).toBeGreaterThan(300);
    const mean = ended.reduce((sum, { attempts }) => sum + attempts, 0) / ended.length;
    expect(mean).toBeGreaterThan(1.8);
    expect(mean).toBeLessThan(2.2);
  });

  test("withdraws about half of the attempts that it takes for lost", async () => {
    const { world, requests } = setUp({ clients: [20, 20] });
    await world.run(3_000_000);
    const withdrawn = requests.filter(({ signal }) => signal.aborted).length / requests.length;
    expect(withdrawn).toBeGreaterThan(0.4);
    expect(withdrawn).toBeLessThan(0.6);
  });

  test("takes a late answer to an attempt that it took for lost", async () => {
    const { world, calls, requests } = setUp();
    await world.run(350_000);
    const { attempts } = calls.all[0] as Call;
    expect(attempts).toBeGreaterThan(2);
    orders(requests[0] as Request);
    orders(requests[1] as Request);
    await world.run(355_000);
    expect(calls.all[0]).toMatchObject({ outcome: "ordered", attempts });
    expect(calls.ordered).toBe(1);
    await world.run(2_000_000);
    expect(calls.all[1]?.start).toBeGreaterThan(350_000);
  });

  test("takes no refusal of an attempt that it took for lost", async () => {
    const { world, calls, requests } = setUp();
    await world.run(150_000);
    const { attempts } = calls.all[0] as Call;
    expect(attempts).toBe(2);
    fails("unavailable")(requests[0] as Request);
    // Its second attempt is not two tenths of a second old.
    await world.run(200_000);
    expect(calls.all[0]?.attempts).toBe(2);
  });

  test("takes no answer to what it has given up", async () => {
    const { world, calls, requests } = setUp();
    await world.run(1_600_000);
    orders(requests[0] as Request);
    await world.run(1_610_000);
    expect(calls.all[0]).toMatchObject({ outcome: "unknown", result: undefined });
    expect(calls.ordered).toBe(0);
  });
});

describe("a client that is turned away", () => {
  test.each(["busy", "unavailable", "cancelled"])("as %s, tries again soon", async (code) => {
    const { world, calls } = setUp({}, (request) =>
      request.call.attempts < 4 ? fails(code)(request) : orders(request),
    );
    await world.run(300_000);
    expect(calls.all[0]).toMatchObject({ outcome: "ordered", attempts: 4 });
    expect(world.finding).toBeUndefined();
  });

  test("by nobody listening, tries again soon", async () => {
    // It does not wait for its time to be up.
    const { world, hosts, calls, requests } = setUp({ clients: [9, 9], timeoutMs: [60_000, 60_000] }, orders);
    for (const host of hosts.slice(0, 2)) host.process = undefined;
    await world.run(3_000_000);
    const served = calls.all.filter(({ outcome }) => outcome === "ordered").map(({ client }) => client);
    expect(new Set(served).size).toBe(9);
    expect(new Set(requests.map(({ node }) => node))).toEqual(new Set([2]));
    expect(calls.all[0]?.attempts).toBeLessThan(12);
  });

  test.each(["too_large", "invalid"])("as %s, takes it for an answer", async (code) => {
    const { world, calls } = setUp({}, fails(code));
    await world.run(300_000);
    expect(calls.all[0]).toMatchObject({ outcome: "rejected", attempts: 1 });
    expect(calls.rejected).toBeGreaterThan(5);
  });

  test("as expired, finds that wrong: sessions remember more", async () => {
    const { world } = setUp({}, fails("expired"));
    await world.run(300_000);
    expect(world.finding).toMatchObject({ checker: "answers" });
  });

  test("by an error that is none of those, finds that wrong", async () => {
    const { world } = setUp({}, fails("unexpected"), { nodes: 1 });
    await world.run(300_000);
    expect(world.finding).toMatchObject({
      checker: "answers",
      finding: "node 0 answers call 0: because",
    });
  });
});

describe("a patient client", () => {
  test("waits for as long as a node works on its update", async () => {
    const { world, calls, requests, clients } = setUp();
    clients.becomePatient();
    await world.run(60_000_000);
    expect(requests).toHaveLength(1);
    expect(calls.all[0]?.attempts).toBe(1);
    orders(requests[0] as Request);
    await world.run(60_010_000);
    expect(calls.ordered).toBe(1);
  });

  test("tries again when that node's process is another one, and never gives up", async () => {
    const { world, hosts, calls, requests, clients } = setUp({ givesUpPerMille: 1000 });
    clients.becomePatient();
    await world.run(500_000);
    expect(requests).toHaveLength(1);
    for (const host of hosts) host.process = undefined;
    await world.run(5_000_000);
    expect(calls.all).toHaveLength(1);
    expect(calls.all[0]?.outcome).toBe("pending");
    expect(calls.all[0]?.attempts).toBeGreaterThan(12);
  });

  test("leaves nodes alone that are to be avoided, also when it waits for one", async () => {
    const { world, hosts, requests, clients } = setUp();
    clients.becomePatient();
    await world.run(50_000);
    const [first] = requests;
    clients.avoided.add(hosts[first?.node ?? 0] as Host);
    await world.run(1_000_000);
    expect(requests).toHaveLength(2);
    expect(requests[1]?.call).toBe(first?.call);
    expect(requests[1]?.node).not.toBe(first?.node);
  });

  test("begins at once", async () => {
    const { world, calls, clients } = setUp({ clients: [5, 5], thinkMs: [9_000_000, 9_000_000] }, orders);
    await world.run(10_000);
    expect(calls.all).toHaveLength(0);
    clients.becomePatient();
    expect(calls.all).toHaveLength(5);
    // And does not think for long.
    await world.run(2_000_000);
    expect(calls.all.length).toBeGreaterThan(15);
  });
});

test("three clients share a client id, whose updates are numbered in the order in which they were sent", async () => {
  const { world, requests } = setUp({ clients: [7, 7] }, orders);
  await world.run(1_000_000);
  const sessions = new Map<bigint, Set<number>>();
  const timestamps = new Map<bigint, Set<bigint>>();
  for (const { update, call } of requests) {
    const { clientId, timestamp } = update;
    sessions.set(clientId, (sessions.get(clientId) ?? new Set()).add(call.client));
    timestamps.set(clientId, (timestamps.get(clientId) ?? new Set()).add(timestamp));
  }
  expect([...sessions.values()].map(({ size }) => size).toSorted((a, b) => a - b)).toEqual([1, 3, 3]);
  for (const numbers of timestamps.values()) {
    const sorted = [...numbers].toSorted((a, b) => Number(a - b));
    // None is left out, none is used twice.
    expect(sorted).toEqual(sorted.map((_, i) => BigInt(i + 1)));
  }
  const pairs = requests.map(({ update }) => `${update.clientId} ${update.timestamp}`);
  expect(new Set(pairs).size).toBe(requests.length);
});

test("there are as many clients as drawn", async () => {
  const counts = new Set<number>();
  for (let seed = 0; seed < 30; seed++) {
    const { world, calls } = setUp({ clients: [2, 4] }, orders, { seed });
    await world.run(1_000_000);
    counts.add(new Set(calls.all.map(({ client }) => client)).size);
  }
  expect([...counts].toSorted((a, b) => a - b)).toEqual([2, 3, 4]);
});

describe("clients that use the library", () => {
  const library = { libraryPerMille: 1000, clients: [12, 12] as const };

  test("register, and send their updates under that session", async () => {
    const { world, calls, requests } = setUp(library, orders);
    await world.run(2_000_000);
    const registered = new Map<bigint, Request>();
    const sent: [boolean, ReturnType<typeof decodeCall>, Call][] = [];
    for (const request of requests) {
      const { clientId, session, kind, update } = request.update;
      if (kind === UpdateKind.REGISTER) registered.set(clientId, request);
      else if (session !== 0n) {
        sent.push([registered.has(clientId), decodeCall(update), request.call]);
      }
    }
    expect(registered.size).toBeGreaterThan(1);
    expect(sent.map(([known, decoded]) => [known, decoded])).toEqual(
      sent.map(([, , { id, update }]) => [true, { id, update }]),
    );
    expect(calls.all.filter(({ outcome }) => outcome === "ordered").length).toBeGreaterThan(100);
    expect(world.finding).toBeUndefined();
  });

  test("give up at their deadline: nobody knows what became of their update", async () => {
    const { world, calls } = setUp(library, ({ update, ...request }) => {
      if (update.kind === UpdateKind.REGISTER) orders({ update, ...request });
    });
    await world.run(30_000_000);
    expect(calls.unknown).toBeGreaterThan(10);
    expect(world.finding).toBeUndefined();
  });

  test("that cannot register are rejected: nothing was sent", async () => {
    const { world, calls } = setUp(library, ({ update }) => update.kind !== UpdateKind.REGISTER);
    await world.run(30_000_000);
    expect(calls.rejected).toBeGreaterThan(10);
    expect(world.finding).toBeUndefined();
  });

  test.each(["expired", "invalid", "unexpected"])("and are answered as %s: that is wrong", async (code) => {
    const { world } = setUp(library, (request) =>
      request.update.session === 0n ? orders(request) : fails(code)(request),
    );
    await world.run(2_000_000);
    expect(world.finding).toMatchObject({ checker: "answers" });
  });
});
