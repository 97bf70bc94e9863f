import { afterAll, expect, test } from "@jest/globals";
import { profileNames, profiles, type Profile, type RunSummary } from "../src/index.js";
import { BuiltSimulator } from "./built.js";

const built = new BuiltSimulator();
afterAll(() => built.close());

// Many more seeds: pnpm sim.
test.each(profileNames)("profile %s: a run is as long and as bad as it says, and clean", async (name) => {
  const summary = await built.simulate({ seed: 1, profile: { name, operatorsPerMille: 0 } });
  expectWhole(summary, profiles[name]);
  expect(summary.faults).toBeGreaterThanOrEqual(name === "calm" ? 0 : 10);
});

test.each(profileNames)("profile %s with operators: memberships change, and it is clean", async (name) => {
  const profile = { name, operatorsPerMille: 1000 };
  const summary = await built.simulate({ seed: 1, profile, nodes: 3, faultsUntilMs: 9_000 });
  const { change = 0 } = summary.faultsByKind;
  expect(change).toBeGreaterThan(2);
  expect(summary.epochs).toBeGreaterThan(1);
});

function expectWhole(summary: RunSummary, profile: Profile): void {
  expect(summary.profile).toBe(profile.name);
  expect(profile.nodes).toContain(summary.nodes);
  expect(summary.virtualMs).toBeGreaterThanOrEqual(profile.faultsMs[0]);
  expect(summary.operations.issued).toBeGreaterThanOrEqual(300);
  expect(summary.operations.ordered).toBeGreaterThan(summary.operations.issued / 2);
  expect(summary.ordered).toBeGreaterThanOrEqual(summary.operations.ordered);
  expect(summary.undecided).toBe(0);
  const { issued, ordered, rejected, unknown } = summary.operations;
  expect(ordered + rejected + unknown).toBe(issued);
}
