import { expect, test } from "@jest/globals";
import { profileNames, profiles, simulate } from "../src/index.js";

// Many more seeds: pnpm sim.
test.each(profileNames)("profile %s: a run is as long and as bad as it says, and clean", async (name) => {
  const summary = await simulate({ seed: 1, profile: name });
  expect(summary.profile).toBe(name);
  expect(profiles[name].nodes).toContain(summary.nodes);
  expect(summary.virtualMs).toBeGreaterThanOrEqual(30_000);
  expect(summary.operations.issued).toBeGreaterThanOrEqual(300);
  expect(summary.operations.ordered).toBeGreaterThan(summary.operations.issued / 2);
  expect(summary.faults).toBeGreaterThanOrEqual(name === "calm" ? 0 : 10);
  expect(summary.ordered).toBeGreaterThanOrEqual(summary.operations.ordered);
  expect(summary.undecided).toBe(0);
  const { issued, ordered, rejected, unknown } = summary.operations;
  expect(ordered + rejected + unknown).toBe(issued);
});
