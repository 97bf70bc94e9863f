import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";

import { parseFlags } from "./flags.js";

const defaults = {
  port: 2346,
  hostfile: "hostfile",
  verbose: false,
  transport: "connect",
  inMemory: false,
  connectTimeoutMs: 15_000,
};

test("without arguments, the member on this host of ./hostfile is started", () => {
  expect(parseFlags([])).toEqual({ command: "serve", flags: defaults });
});

test("the flags have short names, -h is the hostfile", () => {
  const args = [
    "-p",
    "7",
    "-h",
    "file",
    "-i",
    "0",
    "-v",
    "--data-dir",
    "d",
    "--connect-timeout",
    "0",
    "--transport",
    "tcp",
  ];
  expect(parseFlags(args)).toEqual({
    command: "serve",
    flags: {
      ...defaults,
      port: 7,
      hostfile: "file",
      id: 0,
      verbose: true,
      dataDir: "d",
      connectTimeoutMs: 0,
      transport: "tcp",
    },
  });
  expect(parseFlags(["--in-memory", "--connect-timeout=1.5"])).toEqual({
    command: "serve",
    flags: { ...defaults, inMemory: true, connectTimeoutMs: 1500 },
  });
});

test("help and version are texts", () => {
  const help = parseFlags(["--help"]) as { text: string };
  for (const word of [
    "--hostfile",
    "--id",
    "--data-dir",
    "--in-memory",
    "--connect-timeout",
    "--transport",
    "Exit status",
  ]) {
    expect(help.text).toContain(word);
  }
  expect(parseFlags(["--version"])).toEqual({
    command: "print",
    text: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
});

describe("what is refused", () => {
  test.each([
    [["--nope"], "Unknown argument: nope"],
    [["nope"], "Unknown argument: nope"],
    [["--", "nope"], "Unknown argument: nope"],
    [["-h"], "Not enough arguments following: h"],
    [["-p", "65536"], 'bad --port "65536": give a number from 1 to 65535'],
    [["-i", "one"], 'bad --id "one": give a member\'s id, from 0 on'],
    [["-i", "-1"], 'bad --id "-1": give a member\'s id, from 0 on'],
    [["--connect-timeout", "soon"], 'bad --connect-timeout "soon": give seconds, such as 15 or 0.5'],
    [["--data-dir", ""], 'bad --data-dir "": give a directory'],
    [["--data-dir", "d", "--in-memory"], "--data-dir and --in-memory exclude each other: give one"],
    [
      ["--transport", "pigeon"],
      'Invalid values: Argument: transport, Given: "pigeon", Choices: "connect", "tcp"',
    ],
  ])("%j", (args, message) => {
    const parse = () => parseFlags(args);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(`${message}; see paxos-server --help`);
  });
});
