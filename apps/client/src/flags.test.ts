import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";

import { parseFlags } from "./flags.js";

const common = { port: 2346, hostfile: "hostfile", transport: "connect", json: false, verbose: false };

test("without arguments, lines are sent to the servers of ./hostfile", () => {
  expect(parseFlags([])).toEqual({ command: "submit", flags: { ...common, timeoutMs: 30_000, inFlight: 1 } });
});

test("the flags have short names, -h is the hostfile", () => {
  expect(
    parseFlags(["-p", "7", "-h", "file", "-v", "--json", "--timeout", "0.5", "--in-flight", "8"]),
  ).toEqual({
    command: "submit",
    flags: { ...common, port: 7, hostfile: "file", json: true, verbose: true, timeoutMs: 500, inFlight: 8 },
  });
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
      from: 9_007_199_254_740_991n,
      follow: true,
      all: true,
      server: 2,
    },
  });
  expect(parseFlags(["-h", "x", "status"])).toEqual({
    command: "status",
    flags: { ...common, hostfile: "x" },
  });
  expect(parseFlags(["log"])).toEqual({
    command: "log",
    flags: { ...common, from: 1n, follow: false, all: false },
  });
});

test("help and version are texts", () => {
  const help = parseFlags(["--help"]);
  expect(help).toMatchObject({ command: "print" });
  const { text } = help as { text: string };
  for (const word of ["--hostfile", "--in-flight", "log", "status", "empty line", "Exit status"]) {
    expect(text).toContain(word);
  }
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
    [["--in-flight", "0"], 'bad --in-flight "0": give a number from 1 to 256'],
    [["--in-flight", "257"], 'bad --in-flight "257": give a number from 1 to 256'],
    [["log", "--from", "0"], 'bad --from "0": give a seq, from 1 on'],
    [["log", "--server", "x"], 'bad --server "x": give a server\'s id, from 0 on'],
    [
      ["--transport", "carrier-pigeon"],
      'Invalid values: Argument: transport, Given: "carrier-pigeon", Choices: "connect"',
    ],
  ])("%j", (args, message) => {
    const parse = () => parseFlags(args);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(message);
    expect(parse).toThrow("see paxos-client --help");
  });
});
