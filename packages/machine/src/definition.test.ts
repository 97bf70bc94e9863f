import { describe, expect, test } from "@jest/globals";
import { machineOf } from "@paxos/machine";
import * as v from "valibot";
import { z } from "zod";

const { command, query, define } = machineOf<{ total: number }>();
const add = (since = 0) => command(z.number(), (state, by) => (state.total += by), { since });
const initial = () => ({ total: 0 });

describe("definitions that cannot work are refused", () => {
  const total = query(z.undefined(), (state) => state.total);
  test.each([
    [
      "one name twice",
      () => define({ initial, commands: { total: add() }, queries: { total } }),
      "total is both a command and a query; rename one of them",
    ],
    [
      "versions that do not rise",
      () =>
        define({
          initial,
          commands: { add: command(z.number(), () => 0, { since: 1, replaces: add(1) }) },
          queries: {},
        }),
      "add since 1 replaces a form since 1; each form needs a higher version than the one before",
    ],
    [
      "a version that is none",
      () => define({ initial, commands: { add: add(-1) }, queries: {} }),
      "add is since -1; allowed is an integer from 0 to 4294967295",
    ],
    [
      "a snapshot that nobody restores",
      () => define({ initial, commands: {}, queries: {}, snapshot: (state) => [state] }),
      "there is only one of snapshot and restore; define both, or neither",
    ],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ name: "ConfigError", message }));
  });
});

test("schemas of other libraries will do, if they judge at once", () => {
  const definition = define({
    initial,
    commands: {
      add: command(v.object({ by: v.pipe(v.number(), v.integer()) }), (state, { by }) => (state.total += by)),
      late: command(
        v.pipeAsync(
          v.number(),
          v.checkAsync(async () => true),
        ),
        () => 0,
      ),
    },
    queries: {},
  });
  const machine = definition.create();
  const apply = (update: unknown) =>
    new TextDecoder().decode(machine.apply(new TextEncoder().encode(JSON.stringify(update)), 1, 0));
  expect(apply(["add", 0, { by: 2 }])).toBe("[0,2]");
  expect(apply(["add", 0, { by: 2.5 }])).toBe("[1]");
  expect(() => apply(["late", 0, 1])).toThrow("a schema of a state machine must judge at once");
});
