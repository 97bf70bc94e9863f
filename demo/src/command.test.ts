import { expect, test } from "@jest/globals";

import { completeCommand, looksLikeCommand, parseCommand } from "./command.js";

test.each([
  ["hello", { name: "update", text: "hello" }],
  ["  two  words ", { name: "update", text: "  two  words " }],
  ["kill 1", { name: "update", text: "kill 1" }],
  [" :kill 1", { name: "update", text: " :kill 1" }],
  ["::kill 1", { name: "update", text: ":kill 1" }],
  ["", { name: "nothing" }],
  ["   ", { name: "nothing" }],
  [":kill 2", { name: "kill", target: 2 }],
  [":kill  0  ", { name: "kill", target: 0 }],
  [":kill leader", { name: "kill", target: "leader" }],
  [":kill all", { name: "kill", target: "all" }],
  [":restart 1", { name: "restart", target: 1 }],
  [":restart all", { name: "restart", target: "all" }],
  [":log", { name: "log", count: 10 }],
  [":log 50", { name: "log", count: 50 }],
  [":status", { name: "status" }],
  [":help", { name: "help" }],
  [":quit", { name: "quit" }],
])("%j is understood", (line, command) => {
  expect(parseCommand(line, 3)).toEqual(command);
});

test.each([
  [":kill", "which one? :kill 0, 1, 2, :kill leader or :kill all"],
  [":kill 3", "which one?"],
  [":kill -1", "which one?"],
  [":kill 1 2", ":kill takes one argument at most"],
  [":restart leader", "which one? :restart 0, 1, 2 or :restart all"],
  [":log 0", "how many?"],
  [":log many", "how many?"],
  [":quit now", ":quit takes no argument"],
  [":", "there is no :; :help"],
  [":Kill 1", "there is no :Kill; :help lists what there is, and ::Kill sends it as an update"],
])("%j is not, and the answer says what to type", (line, text) => {
  expect(parseCommand(line, 3)).toEqual({ name: "mistake", text: expect.stringContaining(text) });
});

test("an update that looks like a command is recognised", () => {
  for (const text of ["kill 1", "restart all", " quit ", "exit"]) expect(looksLikeCommand(text)).toBe(true);
  for (const text of ["kill the cat now", "statuses", ":kill 1"]) expect(looksLikeCommand(text)).toBe(false);
});

test("the Tab key completes commands only", () => {
  expect(completeCommand(":re")).toEqual([[":restart "], ":re"]);
  expect(completeCommand(":").at(0)).toHaveLength(6);
  expect(completeCommand("re")).toEqual([[], "re"]);
});
