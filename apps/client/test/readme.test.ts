// What the README shows is what happens.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";

import { ServedCluster } from "./served-cluster.js";
import { runProcess } from "./spawn-client.js";

jest.setTimeout(60_000);

const INPUTS: Readonly<Record<string, string>> = {
  "updates.txt": "open the account\npay in 10\n",
  "photo.jpeg": "\xff\xd8",
};

let directory: string;
let cluster: ServedCluster;
let sessions: string[];

beforeAll(async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  sessions = [...readme.matchAll(/```console\n(.*?)```/gs)].map(([, session = ""]) => session);
  directory = await mkdtemp(join(tmpdir(), "paxos-client-"));
  cluster = await ServedCluster.start(directory, 3);
  // The no-op of a new leader, and the client's registration.
  cluster.fake.hidden = 2;
});

afterAll(async () => {
  await cluster.close();
  await rm(directory, { recursive: true });
});

/** Runs a session's commands. Returns what would be seen at a terminal. */
async function replay(session: string): Promise<string> {
  let seen = "";
  for (const [line, command = "", file = ""] of session.matchAll(/^\$ paxos-client ?(.*?)(?: ?< (.*))?$/gm)) {
    const args = [...command.matchAll(/"(.*?)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
    const input = Buffer.from(INPUTS[file] ?? "", "latin1");
    const { stdout, stderr } = await runProcess(["-h", cluster.hostfile, ...args], input);
    seen += `${line}\n${stderr}${stdout}`;
  }
  return seen;
}

/** Ports and client ids are others every time. */
function withoutChance(text: string): string {
  return text.replaceAll(/127\.0\.0\.1:\d{5}/g, "ADDRESS").replaceAll(/"clientId":"\d+"/g, '"clientId":"ID"');
}

/** So are measurements, and how wide they are. */
function withoutFigures(text: string): string {
  return withoutChance(text)
    .replaceAll(/(?<=^|\s)\d[\d,.]*/gm, "N")
    .replaceAll(/ +/g, " ");
}

test("there are seven sessions", () => {
  expect(sessions.length).toBe(7);
});

test("updates are sent and read", async () => {
  const [session = ""] = sessions;
  expect(withoutChance(await replay(session))).toBe(withoutChance(session));
});

test("updates are given as arguments, and as bytes", async () => {
  const [, session = ""] = sessions;
  cluster.fake.hidden = 3;
  expect(withoutChance(await replay(session))).toBe(withoutChance(session));
});

test("snapshots are taken, and seen", async () => {
  const [, , , session = ""] = sessions;
  const { fake } = cluster;
  fake.hidden = 2_050 - fake.ordered.length;
  expect(withoutChance(await replay(session))).toBe(withoutChance(session));
  fake.forgetSnapshots();
});

test("the state machine is read", async () => {
  const [, , , , session = ""] = sessions;
  cluster.fake.hidden = 2_050 - cluster.fake.ordered.length;
  expect(withoutChance(await replay(session))).toBe(withoutChance(session));
});

test("members change, and who leads them", async () => {
  const [, , , , , session = ""] = sessions;
  const { fake } = cluster;
  const { record } = fake;
  // It has been started.
  const added = "127.0.0.1:40003";
  fake.start(added, 3);
  // A leader that leaves hands over.
  fake.onChange = ({ voters }) => {
    if (!voters.some(({ nodeId }) => nodeId === fake.leaderId)) fake.leaderId = voters[0]?.nodeId;
  };
  expect(withoutChance(await replay(session))).toBe(withoutChance(session));
  fake.statuses.delete(added);
  Object.assign(fake, { record, leaderId: 0n });
});

test("a benchmark is run", async () => {
  const [, , , , , , session = ""] = sessions;
  expect(withoutFigures(await replay(session))).toBe(withoutFigures(session));
});

test("the status of a cluster that has lost a server", async () => {
  const [, , session = ""] = sessions;
  await cluster.stop(2);
  for (const status of cluster.fake.statuses.values()) {
    for (const peer of status.peers) peer.heard = peer.nodeId !== 2n;
  }
  cluster.fake.hidden = 2_050 - cluster.fake.ordered.length;
  expect(withoutChance(await replay(session))).toBe(withoutChance(session));
});
