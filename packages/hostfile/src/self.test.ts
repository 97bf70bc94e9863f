import { expect, test } from "@jest/globals";
import { ConfigError } from "@paxos/core";

import { parseHostfile } from "./hostfile.js";
import { type HostProbe, findSelf, systemProbe } from "./self.js";

const names: Record<string, string[]> = {
  alpha: ["192.0.2.1"],
  beta: ["192.0.2.2", "fd00:0::2"],
  gamma: ["192.0.2.3"],
  debian: ["127.0.1.1"],
};

function probe(hostname: string, localAddresses: string[]): HostProbe {
  return {
    hostname: () => hostname,
    localAddresses: () => localAddresses,
    resolve: async (host) => {
      const found = /^[\d.]+$|:/.test(host) ? [host] : names[host];
      if (found === undefined) throw new Error("ENOTFOUND");
      return found;
    },
  };
}

const members = (text: string) => parseHostfile(text, "hosts");

test("a host finds its line by its name, also when that does not resolve", async () => {
  await expect(findSelf(members("alpha\nnowhere\ngamma"), probe("NoWhere", []))).resolves.toMatchObject({
    nodeId: 1,
  });
});

test("a host finds its line by one of its addresses", async () => {
  await expect(findSelf(members("alpha\nbeta\ngamma"), probe("x", ["192.0.2.2"]))).resolves.toMatchObject({
    nodeId: 1,
  });
  await expect(findSelf(members("192.0.2.1\n192.0.2.2"), probe("x", ["192.0.2.2"]))).resolves.toMatchObject({
    nodeId: 1,
  });
});

test("IPv6 addresses are compared, not their spellings", async () => {
  await expect(findSelf(members("alpha\nbeta"), probe("x", ["FD00::2"]))).resolves.toMatchObject({
    nodeId: 1,
  });
  await expect(findSelf(members("alpha\n[fe80::5]"), probe("x", ["fe80::5%eth0"]))).resolves.toMatchObject({
    nodeId: 1,
  });
});

test("all loopback addresses are this host's", async () => {
  await expect(findSelf(members("alpha\ndebian"), probe("x", ["192.0.2.9"]))).resolves.toMatchObject({
    nodeId: 1,
  });
  await expect(findSelf(members("alpha\n[::1]"), probe("x", []))).resolves.toMatchObject({ nodeId: 1 });
});

test("a host that is not in the file is told so, with the names that could not be resolved", async () => {
  await expect(findSelf(members("alpha\nnowhere:80"), probe("delta", ["192.0.2.9"]))).rejects.toThrow(
    new ConfigError(
      "this host, delta, is not in the hostfile, which names alpha:2346, nowhere:80 (not resolved: nowhere); " +
        "add it, or say with -i ID which it is",
    ),
  );
});

test("a host with several lines is asked which one is meant", async () => {
  await expect(findSelf(members("127.0.0.1:1\nalpha\n127.0.0.1:2"), probe("x", []))).rejects.toThrow(
    new ConfigError(
      "several members of the hostfile are on this host: 0 (127.0.0.1:1), 2 (127.0.0.1:2); say with -i ID which one this is",
    ),
  );
});

test("the operating system's own answers fit: the loopback address is this host", async () => {
  expect(systemProbe.hostname()).not.toBe("");
  await expect(systemProbe.resolve("127.0.0.1")).resolves.toEqual(["127.0.0.1"]);
  await expect(findSelf(members("203.0.113.77\n127.0.0.1"))).resolves.toMatchObject({ nodeId: 1 });
});
