import { expect, test } from "@jest/globals";

import { goOnCommand, replayCommand } from "./command-line.js";
import { parseInvocation } from "./invocation.js";
import { freshSeeds } from "./plan.js";
import type { Run } from "./run.js";

const words = (command: string): string[] => command.split(" ").slice(2);

test.each<{ run: Run }>([
  { run: { seed: 0, profile: "calm" } },
  { run: { seed: Number.MAX_SAFE_INTEGER, profile: "duel", nodes: 9 } },
  { run: { seed: 7, profile: "rough", nodes: 2, faults: [3, 17, 20], faultsUntilMs: 0 } },
  { run: { seed: 7, profile: "rough", faults: [] } },
])("a command replays the run that it was made of: $run", ({ run }) => {
  expect(parseInvocation(words(replayCommand(run, {})))).toMatchObject({ command: "replay", run });
  expect(parseInvocation([...words(replayCommand(run, {})), "--shrink"])).toMatchObject({
    command: "shrink",
    run,
  });
});

test("a command goes on with the runs that would have come", () => {
  const seeds = { profiles: ["calm", "rough", "duel"] as const, from: 100, runs: 50, nodes: 3 };
  const command = goOnCommand({ ...seeds, from: 117, runs: 33 }, { restricted: true });
  const again = parseInvocation(words(command));
  if (again.command !== "hunt") throw new Error(`${command} does something else`);
  const [before, after] = [freshSeeds(seeds), freshSeeds({ from: 0, runs: Infinity, ...again })];
  expect(after.size).toBe(33);
  for (let index = 0; index < 33; index++) expect(after.at(index)).toEqual(before.at(17 + index));
});

test("words are quoted for a shell", () => {
  const run: Run = { seed: 1, profile: "calm" };
  expect(replayCommand(run, { subject: "a b/it's.mjs" })).toBe(
    String.raw`pnpm sim --seed 1 --profile calm --with 'a b/it'\''s.mjs'`,
  );
  expect(replayCommand(run, { subject: "../x.mjs" })).toContain("--with ../x.mjs");
});
