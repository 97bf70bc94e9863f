import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";
import fc from "fast-check";

import { type HostfileMember, loadHostfile, parseHostfile } from "./hostfile.js";

const addresses = (text: string): string[] => parseHostfile(text, "hosts").map(({ address }) => address);

test("a host without a port gets the default port; ids count the lines that name a host", () => {
  const text = "# a cluster\n\nalpha.example\n  beta:7000  # the big one\n\n10.0.0.3\n";
  expect(parseHostfile(text, "hosts", { defaultPort: 9 })).toEqual([
    { nodeId: 0, host: "alpha.example", port: 9, address: "alpha.example:9", line: 3 },
    { nodeId: 1, host: "beta", port: 7000, address: "beta:7000", line: 4 },
    { nodeId: 2, host: "10.0.0.3", port: 9, address: "10.0.0.3:9", line: 6 },
  ]);
});

test("IPv6 stands in brackets and is written in one way", () => {
  expect(addresses("[::1]\n[FD00:0:0::2]:80")).toEqual(["[::1]:2346", "[fd00::2]:80"]);
  expect(parseHostfile("[::1]", "hosts")[0]?.host).toBe("::1");
});

test("names are compared without regard to case, and written as DNS wants them", () => {
  expect(addresses("Alpha\nBÜCHER.example")).toEqual(["alpha:2346", "xn--bcher-kva.example:2346"]);
});

test("line ends of any system and a byte order mark make no difference", () => {
  expect(addresses("\uFEFFa\r\nb\rc\n")).toEqual(["a:2346", "b:2346", "c:2346"]);
});

describe("what is refused, with file, line and remedy", () => {
  test.each([
    ["a\nb:0", 'hosts:2: bad port "0"; use a number from 1 to 65535'],
    ["a:65536", 'hosts:1: bad port "65536"; use a number from 1 to 65535'],
    ["a:", 'hosts:1: bad port ""; use a number from 1 to 65535'],
    ["a:+80", 'hosts:1: bad port "+80"; use a number from 1 to 65535'],
    ["#\na b", 'hosts:2: "a b" contains a space; write one host or host:port a line'],
    ["::1", 'hosts:1: "::1" has more than one colon; write IPv6 in brackets, as in [::1]:2346'],
    ["a:1:2", 'hosts:1: "a:1:2" has more than one colon; write IPv6 in brackets, as in [::1]:2346'],
    ["[::1", 'hosts:1: "[::1" has unbalanced brackets; write IPv6 as [::1] or [::1]:2346'],
    ["[::1]80", 'hosts:1: "[::1]80" has unbalanced brackets; write IPv6 as [::1] or [::1]:2346'],
    ["::1]:80", 'hosts:1: "::1]:80" has more than one colon; write IPv6 in brackets, as in [::1]:2346'],
    ["[alpha]:80", 'hosts:1: "alpha" is no IPv6 address; brackets are for those only'],
    [
      "[fe80::1%eth0]",
      'hosts:1: "[fe80::1%eth0]" names a zone, which means nothing on other hosts; use another address',
    ],
    ["0.0.0.0:80", 'hosts:1: "0.0.0.0" is no address that others can reach; name one of the host\'s own'],
    ["10.0.0.256", 'hosts:1: "10.0.0.256" is no host name or IP address'],
    [":80", 'hosts:1: "" is no host name or IP address'],
    ["-a", 'hosts:1: "-a" is no host name or IP address'],
    ["a..b", 'hosts:1: "a..b" is no host name or IP address'],
    ["a\u0007", 'hosts:1: "a\\u0007" is no host name or IP address'],
    ["a\nb\n\nA:2346", "hosts:4: a:2346 is on line 1 already; give each member its own"],
    ["[::1]\n[0:0::1]", "hosts:2: [::1]:2346 is on line 1 already; give each member its own"],
    ["", "hosts: names no host; write one host or host:port a line"],
    ["# nobody\n \n", "hosts: names no host; write one host or host:port a line"],
  ])("%j", (text, message) => {
    expect(() => parseHostfile(text, "hosts")).toThrow(new ConfigError(message));
  });

  test("what is quoted from the file is cut when it is long", () => {
    expect(() => parseHostfile(`${"a".repeat(64)}\n`, "hosts")).toThrow(`"${"a".repeat(60)}..."`);
  });
});

/** Anything but a ConfigError is a fault. */
function parsedOrRefused(text: string): HostfileMember[] | "refused" {
  try {
    return parseHostfile(text, "hosts");
  } catch (error) {
    if (error instanceof ConfigError) return "refused";
    throw error;
  }
}

test("any text is parsed or refused with a ConfigError, and what is parsed parses again to the same addresses", () => {
  const piece = fc.constantFrom(
    "a",
    "b.c",
    "10.0.0.1",
    "[::1]",
    "[fd00::2]",
    ":",
    ":80",
    ":0",
    " ",
    "#x",
    "\n",
    "\r\n",
    "]",
    "%",
    "é",
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(text, (input) => {
      const members = parsedOrRefused(input);
      if (members === "refused") return;
      const written = members.map(({ address }) => address);
      expect(addresses(written.join("\n"))).toEqual(written);
      expect(members.map(({ nodeId }) => nodeId)).toEqual(members.map((_, index) => index));
    }),
    { numRuns: 500, seed: 1 },
  );
});

describe("files", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "hostfile-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test("a file is read", async () => {
    const file = join(directory, "good");
    await writeFile(file, "a\nb:1\n");
    expect((await loadHostfile(file)).map(({ address }) => address)).toEqual(["a:2346", "b:1"]);
  });

  test("a missing file is named", async () => {
    const file = join(directory, "missing");
    await expect(loadHostfile(file)).rejects.toMatchObject({
      name: "ConfigError",
      message: `${file}: no such hostfile; write one with a host or host:port a line, or name another with -h`,
    });
  });

  test("a directory is no hostfile", async () => {
    await expect(loadHostfile(directory)).rejects.toMatchObject({
      name: "ConfigError",
      message: `${directory}: is a directory; name a hostfile with -h`,
    });
  });

  test("any other trouble with reading is told with its code", async () => {
    const file = join(directory, "n".repeat(300));
    await expect(loadHostfile(file)).rejects.toThrow(`${file}: cannot be read (ENAMETOOLONG)`);
  });

  test("a file that is not UTF-8 is refused", async () => {
    const file = join(directory, "utf-16");
    await writeFile(file, Buffer.from("\uFEFFa\n", "utf16le"));
    await expect(loadHostfile(file)).rejects.toMatchObject({
      name: "ConfigError",
      message: `${file}: is not UTF-8 text; save it as such, one host or host:port a line`,
    });
  });
});
