import { expect, test } from "@jest/globals";

import { defaultDataDirectory } from "./data-directory.js";

const clusterId = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

test.each([
  ["linux", {}, "/home/u", "/home/u/.local/share/paxos/a0a1a2a3a4a5/node-2"],
  ["linux", { XDG_DATA_HOME: "/data" }, "/home/u", "/data/paxos/a0a1a2a3a4a5/node-2"],
  ["linux", { XDG_DATA_HOME: "relative" }, "/home/u", "/home/u/.local/share/paxos/a0a1a2a3a4a5/node-2"],
  ["freebsd", { XDG_DATA_HOME: "" }, "/home/u", "/home/u/.local/share/paxos/a0a1a2a3a4a5/node-2"],
  [
    "darwin",
    { XDG_DATA_HOME: "/data" },
    "/Users/u",
    "/Users/u/Library/Application Support/paxos/a0a1a2a3a4a5/node-2",
  ],
  ["win32", { LOCALAPPDATA: "D:\\Local" }, "C:\\Users\\u", "D:\\Local\\paxos\\a0a1a2a3a4a5\\node-2"],
  ["win32", {}, "C:\\Users\\u", "C:\\Users\\u\\AppData\\Local\\paxos\\a0a1a2a3a4a5\\node-2"],
] as const)(
  "on %s with %j the data is where users of that system look for it",
  (platform, env, homeDirectory, directory) => {
    expect(defaultDataDirectory({ platform, env, homeDirectory }, clusterId, 2)).toBe(directory);
  },
);
