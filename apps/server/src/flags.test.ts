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
  snapshots: {},
  onStorageFailure: "exit",
  saveTimeoutMs: 30_000,
  readLease: false,
  hostfileGiven: false,
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
      hostfileGiven: true,
      dataDir: "d",
      connectTimeoutMs: 0,
      transport: "tcp",
    },
  });
  expect(parseFlags(["--in-memory", "--connect-timeout=1.5"])).toEqual({
    command: "serve",
    flags: { ...defaults, inMemory: true, connectTimeoutMs: 1500 },
  });
  expect(parseFlags(["--state-machine", "dist/bank.js"])).toEqual({
    command: "serve",
    flags: { ...defaults, stateMachine: "dist/bank.js" },
  });
});

test("when snapshots are taken, what happens when the disk fails, and whether there are leases, can be chosen", () => {
  const args = ["--snapshot-every", "1000", "--snapshot-every-bytes", "2MiB", "--log-tail", "0"];
  const disk = [
    "--log-tail-bytes",
    "65536",
    "--on-storage-failure",
    "wait",
    "--save-timeout",
    "0",
    "--read-lease",
  ];
  expect(parseFlags([...args, ...disk])).toEqual({
    command: "serve",
    flags: {
      ...defaults,
      snapshots: { everyUpdates: 1000, everyBytes: 2 * 1024 * 1024, tailUpdates: 0, tailBytes: 65_536 },
      onStorageFailure: "wait",
      saveTimeoutMs: 0,
      readLease: true,
    },
  });
});

const member = { hostfile: "hostfile", port: 2346 };

test("each command has flags of its own", () => {
  expect(parseFlags(["inspect", "--data-dir", "d", "--json"])).toEqual({
    command: "inspect",
    flags: { dataDir: "d", json: true },
  });
  expect(parseFlags(["backup", "-i", "1", "-o", "file", "--force", "--transport", "tcp"])).toEqual({
    command: "backup",
    flags: { ...member, id: 1, output: "file", force: true, transport: "tcp" },
  });
  expect(parseFlags(["backup", "--server", "[::1]:7", "--output", "-"])).toEqual({
    command: "backup",
    flags: { ...member, server: "[::1]:7", output: "-", force: false, transport: "connect" },
  });
  expect(parseFlags(["restore", "--backup", "file", "-h", "h", "-i", "2", "--data-dir", "d"])).toEqual({
    command: "restore",
    flags: { ...member, hostfile: "h", id: 2, backup: "file", dataDir: "d" },
  });
  expect(parseFlags(["recover", "--data-dir", "d", "--new-cluster"])).toEqual({
    command: "recover",
    flags: { dataDir: "d" },
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
    "--snapshot-every",
    "--snapshot-every-bytes",
    "--log-tail",
    "--log-tail-bytes",
    "--on-storage-failure",
    "--save-timeout",
    "inspect",
    "backup",
    "restore",
    "recover",
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
    [
      ["--connect-timeout", "soon"],
      'bad --connect-timeout "soon": give seconds, such as 15 or 0.5, at most 2147483',
    ],
    [["--data-dir", ""], 'bad --data-dir "": give a directory'],
    [["--state-machine", ""], 'bad --state-machine "": give a JavaScript module'],
    [["--state-machine"], "Not enough arguments following: state-machine"],
    [
      ["--connect-timeout", "2147484"],
      'bad --connect-timeout "2147484": give seconds, such as 15 or 0.5, at most 2147483',
    ],
    [["--save-timeout", "-1"], 'bad --save-timeout "-1": give seconds, such as 30 or 0.5, at most 2147483'],
    [["--snapshot-every", "0"], 'bad --snapshot-every "0": give a number of updates, from 1 on'],
    [["--log-tail", "1.5"], 'bad --log-tail "1.5": give a number of updates, from 0 on'],
    [
      ["--snapshot-every-bytes", "64MB"],
      'bad --snapshot-every-bytes "64MB": give a size from 1 on, in bytes or with a unit: 65536, 512KiB, 64MiB, 1GiB',
    ],
    [
      ["--log-tail-bytes", "999999999999999GiB"],
      'bad --log-tail-bytes "999999999999999GiB": give a size from 0 on, in bytes or with a unit: 65536, 512KiB, 64MiB, 1GiB',
    ],
    [
      ["--on-storage-failure", "pray"],
      'Invalid values: Argument: on-storage-failure, Given: "pray", Choices: "exit", "wait"',
    ],
    [
      ["--in-memory", "--on-storage-failure", "wait"],
      "--in-memory and --on-storage-failure wait exclude each other: give one",
    ],
    [["inspect"], "Missing required argument: data-dir"],
    [["inspect", "--data-dir", "d", "more"], "Unknown argument: more"],
    [["inspect", "--data-dir", "d", "--in-memory"], "Unknown argument: in-memory"],
    [["recover", "--new-cluster"], "Missing required argument: data-dir"],
    [
      ["recover", "--data-dir", "d"],
      "--new-cluster is missing: recover gives up the old cluster, and what only its other members know",
    ],
    [
      ["recover", "--data-dir", "d", "--new-cluster=false"],
      "--new-cluster is missing: recover gives up the old cluster, and what only its other members know",
    ],
    [["backup"], "Missing required argument: output"],
    [["backup", "-o", ""], 'bad --output "": give a file, or - for standard output'],
    [["backup", "-o", "f", "-i", "0", "--server", "a:1"], "Arguments server and id are mutually exclusive"],
    [
      ["backup", "-o", "f", "--server", "here"],
      'bad --server "here": give host:port, such as 127.0.0.1:2346 or [::1]:2346',
    ],
    [["restore", "-i", "0"], "Missing required argument: backup"],
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
