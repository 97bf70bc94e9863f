// What DESIGN asks of single situations, with bounds in progress timeouts.
import { afterAll, expect, test } from "@jest/globals";
import { profiles, simulate, type PlannedFault, type Profile, type ProfileName } from "../src/index.js";
import { BuiltSimulator } from "./built.js";

const built = new BuiltSimulator();
afterAll(() => built.close());

const second = 1_000_000;
const seeds = [1, 2];

/** Calm weather but for these faults. */
function scenario(name: string, nodes: Profile["nodes"], script: Profile["script"]): Profile {
  return {
    ...profiles.calm,
    name,
    about: name,
    nodes,
    operatorsPerMille: 0,
    ...(script && { script }),
    faultsMs: [30_000, 30_000],
  };
}

const withoutOperators = (name: ProfileName) => ({ name, operatorsPerMille: 0 });

// Each partition of these profiles fails the run unless updates are ordered again within four timeouts.
test.each(["quorum-loss", "constrained-election", "chained-nodes"] as const)(
  "partial connectivity, %s: recovers within four progress timeouts, while it lasts",
  async (name) => {
    for (const seed of seeds) {
      const { faultsByKind } = await built.simulate({ seed, profile: withoutOperators(name) });
      expect(faultsByKind["partition"]).toBeGreaterThanOrEqual(10);
    }
  },
);

test("that a scenario recovers is really asked: without any quorum it does not", async () => {
  const profile = scenario("scattered", [3], () => [
    {
      at: 3 * second,
      fault: { kind: "partition", shape: "scattered", target: 0, forUs: 10 * second, draw: 0 },
      expects: { kind: "recovers", timeouts: 4 },
    },
  ]);
  await expect(simulate({ seed: 1, profile })).rejects.toMatchObject({
    name: "Violation",
    checker: "liveness",
  });
});

test.each([1, 2, 4, 6, 9])("a cluster of %i nodes on a bad day", async (nodes) => {
  for (const operatorsPerMille of [0, 1000]) {
    const profile = { name: "rough", operatorsPerMille } as const;
    const summary = await built.simulate({ seed: nodes, profile, nodes, faultsUntilMs: 8000 });
    expect(summary.nodes).toBe(nodes);
    expect(summary.faults).toBeGreaterThan(3);
    expect(summary.operations.ordered).toBeGreaterThan(200);
    expect(summary.epochs > 1).toBe(operatorsPerMille > 0);
  }
});

const flaps = (forUs: number): PlannedFault[] =>
  (["mute", "deaf", "one-way-link", "mute", "deaf"] as const).map((shape, i) => ({
    at: (3 + 5 * i) * second,
    fault: { kind: "partition", shape, target: "follower", forUs, draw: i },
    expects: { kind: "keeps-leader" },
  }));

test("a one-way partition of a follower for half a second never changes the leader", async () => {
  for (const seed of seeds) {
    const summary = await simulate({
      seed,
      profile: scenario("half a second", [3, 5], () => flaps(second / 2)),
    });
    // The second is that of the failover that ends every run.
    expect(summary.views).toBe(2);
    expect(summary.faultsByKind).toEqual({ partition: 5 });
  }
});

test("nor does a longer one, nor the follower's return", async () => {
  for (const seed of seeds) {
    const summary = await simulate({
      seed,
      profile: scenario("three seconds", [3, 5], () => flaps(3 * second)),
    });
    // The second is that of the failover that ends every run.
    expect(summary.views).toBe(2);
  }
});

// DESIGN, section 9. Each return of a node fails the run unless the node is level within twelve progress timeouts.
test("a node that is sent a snapshot gets all of it, while its peers take new ones all the time", async () => {
  const { faultsByKind, snapshots } = await built.simulate({
    seed: 1,
    profile: withoutOperators("unending-snapshots"),
  });
  expect(faultsByKind["crash"]).toBeGreaterThanOrEqual(10);
  expect(snapshots.installed).toBeGreaterThanOrEqual(5);
  // Many for each of those that were sent.
  expect(snapshots.taken).toBeGreaterThan(20 * snapshots.installed);
});

// A whole day: PAXOS_LONG=1 pnpm test scenarios
const minutes = process.env["PAXOS_LONG"] === "1" ? 24 * 60 : 15;

test(`after ${minutes} minutes without a quorum the cluster recovers within one capped timeout`, async () => {
  const forUs = minutes * 60 * second;
  const profile: Profile = {
    ...scenario("no quorum", [3], () => [
      { at: 2 * second, fault: { kind: "partition", shape: "scattered", target: 0, forUs, draw: 0 } },
    ]),
    faultsMs: [minutes * 60_000, minutes * 60_000],
    clients: {
      clients: [3, 3],
      thinkMs: [500, 1_000_000],
      timeoutMs: [100_000, 1_000_000],
      givesUpPerMille: 500,
      libraryPerMille: 0,
    },
    tuning: () => ({}),
  };
  const { recoveryTicks, views } = await simulate({ seed: 1, profile });
  expect(views).toBeGreaterThanOrEqual(1);
  // The cap: eight timeouts of 60 ticks, and a jitter of half a timeout.
  expect(recoveryTicks).toBeLessThanOrEqual(8 * 60 + 30);
}, 600_000);
