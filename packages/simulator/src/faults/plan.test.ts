import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "@jest/globals";
import type { Profile } from "../profile.js";
import { profileNames, profiles } from "../profiles.js";
import { Random } from "../random.js";
import type { FaultKind } from "./fault.js";
import { planFaults } from "./plan.js";

const second = 1_000_000;
const plan = (profile: Profile, seed = 1, untilUs = 30 * second) =>
  planFaults(profile, new Random(seed), 5, untilUs);

describe.each(profileNames)("%s", (name) => {
  const profile = profiles[name];

  test("the same seed gives the same plan, another seed another one", () => {
    expect(plan(profile, 7)).toEqual(plan(profile, 7));
    const differing = (operatorsPerMille: number) =>
      new Set([1, 2, 3, 4, 5].map((seed) => JSON.stringify(plan({ ...profile, operatorsPerMille }, seed))))
        .size;
    // Nothing fails by plan in some.
    expect(differing(0)).toBe(plan({ ...profile, operatorsPerMille: 0 }).length === 0 ? 1 : 5);
    expect(differing(1000)).toBe(5);
  });

  test("faults come in the order of time, within the time", () => {
    for (let seed = 0; seed < 20; seed++) {
      const times = plan(profile, seed).map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(times.filter((at) => !Number.isInteger(at) || at < 500_000 || at >= 31 * second)).toEqual([]);
    }
  });
});

test("kinds and shapes come as often as the profile says", () => {
  const profile: Profile = {
    ...profiles.calm,
    everyMs: [10, 10],
    faults: { pause: 3, crash: 1, partition: 6 },
    partitions: { mute: 1, deaf: 4 },
    leaderPerMille: 250,
    operatorsPerMille: 0,
  };
  const faults = plan(profile).map(({ fault }) => fault);
  const share = (matches: (fault: (typeof faults)[number]) => boolean) =>
    faults.filter(matches).length / faults.length;
  expect(faults.length).toBe(2950);
  expect(share(({ kind }) => kind === "pause")).toBeCloseTo(0.3, 1);
  expect(share(({ kind }) => kind === "crash")).toBeCloseTo(0.1, 1);
  expect(share(({ kind }) => kind === "partition")).toBeCloseTo(0.6, 1);
  expect(share((fault) => "shape" in fault && fault.shape === "deaf")).toBeCloseTo(0.48, 1);
  expect(share((fault) => "shape" in fault && fault.shape === "mute")).toBeCloseTo(0.12, 1);
  expect(share((fault) => "target" in fault && fault.target === "leader")).toBeCloseTo(0.25, 1);
  expect(share((fault) => "target" in fault && fault.target === "anybody")).toBeCloseTo(0.75, 1);
});

test("every kind of fault can be planned, and says what it needs", () => {
  const kinds: Record<FaultKind, readonly string[]> = {
    crash: ["target", "downUs"],
    "crash-all": ["downUs"],
    stop: ["target", "downUs"],
    pause: ["target", "forUs"],
    hurry: ["target", "ticks"],
    skew: ["target", "rate", "forUs"],
    partition: ["shape", "target", "forUs", "draw"],
    duel: ["target", "forUs", "ticks", "rounds", "draw"],
    usurp: ["how", "forUs", "draw"],
    storm: ["conditions", "forUs"],
    "slow-links": ["target", "conditions", "forUs"],
    "slow-disk": ["target", "factor", "forUs"],
    "hung-disk": ["target", "forUs"],
    "lost-disk": ["target"],
    "older-disk": ["target", "ageUs"],
    "failing-disk": ["target", "task", "forUs"],
    "flipped-bit": ["target", "draw", "restartUs"],
    change: ["target", "draw"],
    "hand-over": ["target", "draw"],
    snapshot: ["target"],
  };
  for (const [kind, fields] of Object.entries(kinds)) {
    const faults = { [kind]: 1 };
    const planned = plan(
      { ...profiles.rough, script: () => [], everyMs: [50, 100], operatorsPerMille: 0, faults },
      3,
    );
    expect(planned.length).toBeGreaterThan(100);
    for (const { fault } of planned) {
      expect(fault.kind).toBe(kind);
      expect(Object.keys(fault)).toEqual(expect.arrayContaining(["kind", ...fields]));
      const times = ["forUs", "downUs"].map((time) => (fault as Partial<Record<string, unknown>>)[time] ?? 1);
      expect(times.filter((us) => Number(us) <= 0)).toEqual([]);
    }
  }
});

test("a plan does not depend on how long it is to be: later faults are left out, the others stay", () => {
  const profile = profiles.hostile;
  const whole = plan(profile, 3, 30 * second);
  const begun = plan(profile, 3, 10 * second);
  expect(begun.length).toBeGreaterThan(5);
  expect(whole.slice(0, begun.length)).toEqual(begun);
});

test("a script's faults stand among the others, and change none of them", () => {
  const lone = plan({ ...profiles.rough });
  const scripted = plan({
    ...profiles.rough,
    script: (random) => [
      { at: random.between(10 * second, 20 * second), fault: { kind: "lost-disk", target: 0 } },
    ],
  });
  expect(scripted).toHaveLength(lone.length + 1);
  expect(scripted.filter(({ fault }) => fault.kind !== "lost-disk")).toEqual(lone);
  expect(scripted.findIndex(({ fault }) => fault.kind === "lost-disk")).toBeGreaterThan(0);
});

describe.each(profileNames)("%s with operators", (name) => {
  const withOperators = (operatorsPerMille: number) => ({ ...profiles[name], operatorsPerMille });

  // Of usurped leaders some change the membership, each at a moment of its own: nobody else is to.
  const share = name === "usurped-leaders" ? 0 : 0.5;

  test(`they come in ${share * 100} % of all runs`, () => {
    const runs = Array.from({ length: 400 }, (_, seed) => plan(profiles[name], seed).length);
    const without = runs.filter((length, seed) => length === plan(withOperators(0), seed).length);
    expect(without.length / runs.length).toBeCloseTo(1 - share, 1);
  });

  test("they change the membership and move the leadership, and nothing else of the plan", () => {
    const ours = plan(withOperators(1000), 3);
    const without = plan(withOperators(0), 3);
    const added = ours.filter((planned) => !without.some((other) => isDeepStrictEqual(other, planned)));
    expect(added).toHaveLength(ours.length - without.length);
    const kinds = added.map(({ fault }) => fault.kind);
    expect(kinds.filter((kind) => kind === "change").length).toBeGreaterThan(10);
    expect(new Set(kinds)).toEqual(new Set(["change", "hand-over"]));
  });
});

test("a calm profile without operators plans nothing", () => {
  expect(plan({ ...profiles.calm, operatorsPerMille: 0 })).toEqual([]);
});
