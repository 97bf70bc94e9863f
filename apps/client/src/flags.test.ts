import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";

import { parseFlags } from "./flags.js";

const common = { port: 2346, hostfile: "hostfile", transport: "connect", json: false, verbose: false };

test("without arguments, lines are sent to the servers of ./hostfile", () => {
  expect(parseFlags([])).toEqual({
    command: "lines",
    flags: { ...common, timeoutMs: 30_000, inFlight: 1, history: true },
  });
});

test("the flags have short names, -h is the hostfile", () => {
  expect(
    parseFlags([
      "-p",
      "7",
      "-h",
      "file",
      "-v",
      "--json",
      "--timeout",
      "0.5",
      "--in-flight",
      "8",
      "--no-history",
    ]),
  ).toEqual({
    command: "lines",
    flags: {
      ...common,
      port: 7,
      hostfile: "file",
      json: true,
      verbose: true,
      timeoutMs: 500,
      inFlight: 8,
      history: false,
    },
  });
});

test("a timeout of 0 is none", () => {
  expect(parseFlags(["--timeout", "0"])).toMatchObject({ flags: { timeoutMs: Infinity } });
  expect(parseFlags(["--timeout", "0.0001"])).toMatchObject({ flags: { timeoutMs: 1 } });
});

test("flags may stand before the command", () => {
  expect(
    parseFlags(["-v", "--json", "log", "--from", "9007199254740991", "--follow", "--all", "--server", "2"]),
  ).toEqual({
    command: "log",
    flags: {
      ...common,
      json: true,
      verbose: true,
      from: 9_007_199_254_740_991,
      follow: true,
      all: true,
      server: 2,
    },
  });
  expect(parseFlags(["-h", "x", "status"])).toEqual({
    command: "status",
    flags: { ...common, hostfile: "x", counters: false },
  });
  expect(parseFlags(["log"])).toEqual({
    command: "log",
    flags: { ...common, follow: false, all: false },
  });
});

test("snapshots are taken by all servers, or by one", () => {
  expect(parseFlags(["snapshot"])).toEqual({ command: "snapshot", flags: common });
  expect(parseFlags(["snapshot", "--server", "0", "--json"])).toEqual({
    command: "snapshot",
    flags: { ...common, json: true, server: 0 },
  });
});

test("submit takes updates as they are, numbers and words that look like flags too", () => {
  const updates = (...args: string[]) => parseFlags(["submit", ...args]);
  expect(updates()).toEqual({ command: "submit", flags: { ...common, timeoutMs: 30_000, updates: [] } });
  expect(updates("007", "1e3", "", "a b")).toMatchObject({ flags: { updates: ["007", "1e3", "", "a b"] } });
  expect(updates("a", "-v", "b")).toMatchObject({ flags: { updates: ["a", "b"], verbose: true } });
  expect(updates("a", "--", "-v")).toMatchObject({ flags: { updates: ["a", "-v"], verbose: false } });
  expect(updates("--stdin")).toMatchObject({ flags: { updates: [] } });
});

test("status may be watched, each second unless it says otherwise", () => {
  expect(parseFlags(["status", "--watch", "--json"])).toMatchObject({
    flags: { watchMs: 1_000, json: true },
  });
  expect(parseFlags(["status", "--watch", "2.5", "--counters"])).toMatchObject({
    flags: { watchMs: 2_500, counters: true },
  });
});

test("bench goes on for 10 s, or as it is told", () => {
  const usual = { ...common, size: 100, inFlight: 64, clients: 1, timeoutMs: 30_000 };
  expect(parseFlags(["bench"])).toEqual({
    command: "bench",
    flags: { ...usual, end: { durationMs: 10_000 } },
  });
  expect(
    parseFlags(["bench", "--updates", "500", "--size", "0", "--in-flight", "1024", "--clients", "8"]),
  ).toEqual({
    command: "bench",
    flags: { ...usual, end: { updates: 500 }, size: 0, inFlight: 1_024, clients: 8 },
  });
  expect(parseFlags(["bench", "--duration", "0.5"])).toMatchObject({ flags: { end: { durationMs: 500 } } });
});

test("members are listed or changed, for 30 s unless it says otherwise", () => {
  const member = (...args: string[]) => parseFlags(["member", ...args]);
  const usual = { ...common, force: false, timeoutMs: 30_000 };
  expect(member("list")).toEqual({ command: "member", flags: { ...usual, action: { kind: "list" } } });
  expect(member("add", "a", "-p", "7", "--force", "--epoch", "0", "--timeout", "0")).toEqual({
    command: "member",
    flags: {
      ...usual,
      port: 7,
      action: { kind: "add", address: "a:7" },
      force: true,
      epoch: 0,
      timeoutMs: Infinity,
    },
  });
  expect(member("add", "4", "[::0001]:2")).toMatchObject({
    flags: { action: { kind: "add", id: 4, address: "[::1]:2" } },
  });
  expect(member("replace", "1", "4")).toMatchObject({
    flags: { action: { kind: "replace", leaves: 1, comes: { id: 4 } } },
  });
  expect(member("set", "--voters", "1,2=a:3")).toMatchObject({
    flags: { action: { kind: "set", voters: [{ id: 1 }, { id: 2, address: "a:3" }], learners: [] } },
  });
});

test("the leadership is handed to anybody, or to one", () => {
  const usual = { ...common, timeoutMs: 30_000 };
  expect(parseFlags(["transfer"])).toEqual({ command: "transfer", flags: usual });
  expect(parseFlags(["transfer", "2", "--timeout", "5"])).toEqual({
    command: "transfer",
    flags: { ...usual, timeoutMs: 5_000, to: 2 },
  });
});

test("help and version are texts", () => {
  const help = parseFlags(["--help"]);
  expect(help).toMatchObject({ command: "print" });
  const { text } = help as { text: string };
  for (const word of [
    "--hostfile",
    "--in-flight",
    "submit",
    "log",
    "snapshot",
    "status",
    "bench",
    "member",
    "transfer",
    "refused",
    "empty line",
    "Exit status",
  ]) {
    expect(text).toContain(word);
  }
  expect(parseFlags(["member", "--help"])).toMatchObject({
    text: expect.stringContaining("paxos-client member replace OLD NEW [HOST:PORT]"),
  });
  expect(parseFlags(["log", "--help"])).toMatchObject({ text: expect.stringContaining("--follow") });
  expect(parseFlags(["--version"])).toMatchObject({
    command: "print",
    text: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
});

describe("what is refused", () => {
  test.each([
    [["--nope"], "Unknown argument: nope"],
    [["nope"], "Unknown argument: nope"],
    [["--", "nope"], "Unknown argument: nope"],
    [["log", "nope"], "Unknown argument: nope"],
    [["log", "--in-flight", "2"], "Unknown argument: in-flight"],
    [["-h"], "Not enough arguments following: h"],
    [["-p", "0"], 'bad --port "0": give a number from 1 to 65535'],
    [["-p", "x"], 'bad --port "x": give a number from 1 to 65535'],
    [["-p", "-1"], 'bad --port "-1": give a number from 1 to 65535'],
    [["--timeout", "soon"], 'bad --timeout "soon": give seconds, such as 30 or 0.5'],
    [["--in-flight", "0"], 'bad --in-flight "0": give a number from 1 to 1024'],
    [["--in-flight", "1025"], 'bad --in-flight "1025": give a number from 1 to 1024'],
    [["--timeout", "2147484"], 'bad --timeout "2147484": give seconds, such as 30 or 0.5, at most 2147483'],
    [["--no-json"], "Unknown argument: no-json"],
    [["submit", "--stdin", "x"], "--stdin and updates as arguments exclude each other: give one"],
    [["submit", "--nope"], "Unknown argument: nope"],
    [["status", "nope"], "Unknown argument: nope"],
    [["snapshot", "nope"], "Unknown argument: nope"],
    [["snapshot", "--server", "x"], 'bad --server "x": give a server\'s id, from 0 on'],
    [["member"], "member needs an action: give one of list, add, promote, demote, remove, replace, move"],
    [["member", "expel", "1"], 'bad action "expel": give one of list, add'],
    [["member", "list", "1"], "too many words: write member list"],
    [["member", "list", "--force"], "--force and --epoch are for changes: leave them out of member list"],
    [["member", "promote"], "too few words: write member promote ID"],
    [["member", "promote", "x"], 'bad id "x": give the id of a node, from 0 on'],
    [["member", "promote", "9007199254740992"], 'bad id "9007199254740992"'],
    [["member", "add"], "too few words: write member add [ID] HOST:PORT"],
    [["member", "add", "5"], "too few words: write member add [ID] HOST:PORT"],
    [["member", "add", "5", "a:0"], 'bad port "0"; use a number from 1 to 65535'],
    [["member", "add", "5", ""], 'bad address "": give HOST:PORT, IPv6 in brackets'],
    [["member", "move", "5", "0.0.0.0:1"], '"0.0.0.0" is no address that others can reach'],
    [
      ["member", "priority", "1", "4294967296"],
      'bad priority "4294967296": give a number from 0 to 4294967295',
    ],
    [["member", "quorums", "2"], "bad quorums: give two numbers of voters, or majority"],
    [["member", "quorums", "0", "2"], "bad quorums: give two numbers of voters, or majority"],
    [["member", "set"], "--voters is missing: write member set --voters ID[=HOST:PORT],..."],
    [["member", "set", "--voters", "1,1"], "node 1 is named twice: give each member once"],
    [["member", "set", "--voters", "1,a"], 'bad --voters "a": give ids with commas between them'],
    [["member", "set", "--voters", ""], "--voters names nobody: give at least one voter"],
    [["member", "list", "--voters", "1"], "--voters and --learners are for: member set"],
    [["member", "remove", "1", "--epoch", "x"], 'bad --epoch "x": give an epoch, from 0 on'],
    [["transfer", "x"], 'bad id "x": give the id of a node, from 0 on'],
    [["transfer", "1", "2"], "Unknown argument: 2"],
    [["status", "--watch", "0"], 'bad --watch "0": give seconds from 0.1 to 3600, or nothing for 1'],
    [["bench", "--updates", "1", "--duration", "1"], "Arguments updates and duration are mutually exclusive"],
    [["bench", "--updates", "0"], 'bad --updates "0": give a number from 1 to 1000000000000'],
    [["bench", "--duration", "0"], 'bad --duration "0": give seconds, such as 10 or 0.5, at most 86400'],
    [["bench", "--size", "1048577"], 'bad --size "1048577": give a number from 0 to 1048576'],
    [["bench", "--clients", "65"], 'bad --clients "65": give a number from 1 to 64'],
    [["log", "--from", "0"], 'bad --from "0": give a seq, from 1 on'],
    [["log", "--from", "9007199254740992"], 'bad --from "9007199254740992": give a seq, from 1 on'],
    [["log", "--server", "x"], 'bad --server "x": give a server\'s id, from 0 on'],
    [
      ["--transport", "carrier-pigeon"],
      'Invalid values: Argument: transport, Given: "carrier-pigeon", Choices: "connect", "tcp"',
    ],
  ])("%j", (args, message) => {
    const parse = () => parseFlags(args);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(message);
    expect(parse).toThrow("see paxos-client --help");
  });
});
