// The script over real servers, with logs that are made to differ on their way to it.
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { ConnectClientTransport } from "@paxos/transport-connect";

import { Cluster } from "../src/cluster.js";
import type { LogEntry } from "../src/log-entry.js";
import { Narrator } from "../src/narrator.js";
import { createPalette } from "../src/palette.js";
import { type ScriptedCluster, playScript } from "../src/script.js";

jest.setTimeout(120_000);

let transport: ConnectClientTransport;
let cluster: Cluster;

beforeEach(async () => {
  transport = new ConnectClientTransport();
  cluster = await Cluster.create({ transport, keep: false });
});

afterEach(async () => {
  await transport.close();
  await cluster.close();
});

/** The cluster, but for the whole log of node 2. */
function withLogOfNode2(change: (log: readonly LogEntry[]) => LogEntry[]): ScriptedCluster {
  return {
    get members() {
      return cluster.members;
    },
    client: () => cluster.client(),
    startAll: (signal) => cluster.startAll(signal),
    start: (nodeId, signal) => cluster.start(nodeId, signal),
    kill: (nodeId) => cluster.kill(nodeId),
    status: (nodeId, signal) => cluster.status(nodeId, signal),
    log: async (nodeId, fromSeq, signal) => {
      const log = await cluster.log(nodeId, fromSeq, signal);
      return nodeId === 2 && fromSeq === 1 ? change(log) : log;
    },
  };
}

test("an update that one log lacks is found, and named", async () => {
  let output = "";
  const narrator = new Narrator((text) => (output += text), createPalette(false));
  const forgetful = withLogOfNode2((log) => log.toSpliced(300, 1));
  const { signal } = new AbortController();
  expect(await playScript(forgetful, narrator, signal)).toBe(false);
  expect(output).toContain("the logs are not as they must be:");
  expect(output).toMatch(/nodes 1 and 2 differ after 300 equal entries: node 1 has seq \d+ "#\d+ client \d"/);
  expect(output).toMatch(/node 2 lacks acknowledged updates: "#\d+ client \d" \(acknowledged as seq \d+\)\n/);
  expect(output).not.toContain("they are the same");
});
