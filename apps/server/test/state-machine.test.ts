// --state-machine: a module of somebody else's, without processes and with them.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { connect } from "@paxos/client";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";

import { run } from "../src/run.js";
import { withCluster } from "./cluster.js";
import { FakeEnvironment, FakeReplica } from "./fake-environment.js";
import { patient } from "./hosts.js";
import { spawnServer } from "./program-process.js";
import { newClientTransport } from "./transport.js";

jest.setTimeout(patient(60_000));

let directory: string;
let hosts: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "paxos-machine-"));
  hosts = join(directory, "hosts");
  await writeFile(hosts, "198.51.100.1\nhere:7000\n198.51.100.3\n");
});

afterEach(() => rm(directory, { recursive: true }));

describe("in a fake environment", () => {
  let environment: FakeEnvironment;
  beforeEach(() => {
    environment = new FakeEnvironment();
  });

  const untilLogged = async (text: string) => {
    while (!environment.log.includes(text)) await setImmediate();
  };

  const apply = () => new Uint8Array();

  test.each([
    ["a function by default", (machine: object) => ({ default: () => machine })],
    ["a function by its name", (machine: object) => ({ stateMachine: () => machine })],
    ["a function that promises", (machine: object) => ({ default: async () => machine })],
    ["a definition", (machine: object) => ({ default: { create: () => machine } })],
    [
      "both, of which one is something else",
      (machine: object) => ({ default: 1, stateMachine: () => machine }),
    ],
  ])("%s gives the state machine that runs", async (_, moduleOf) => {
    const machine = { apply };
    const loaded: string[] = [];
    environment.loadModule = async (path) => {
      loaded.push(path);
      return moduleOf(machine);
    };
    const done = run(["-h", hosts, "--state-machine", "some/machine.js"], environment);
    await untilLogged("listening");
    expect(loaded).toEqual([join(process.cwd(), "some/machine.js")]);
    expect(environment.started?.stateMachine).toBe(machine);
    environment.interrupt.abort("SIGTERM");
    expect(await done).toBe(0);
  });

  test("a start after a storage failure has a state machine of its own", async () => {
    const made: object[] = [];
    environment.loadModule = async () => ({
      default: () => {
        const machine = { apply };
        made.push(machine);
        return machine;
      },
    });
    const first = environment.replica;
    const args = ["-h", hosts, "--state-machine", "m.js", "--data-dir", "/data"];
    const done = run([...args, "--on-storage-failure", "wait"], environment);
    await untilLogged("listening");
    expect(environment.started?.stateMachine).toBe(made[0]);
    environment.replica = new FakeReplica();
    first.loseStorage(new Error("no space left on device"));
    await untilLogged("started anew");
    expect(made.length).toBe(2);
    expect(environment.started?.stateMachine).toBe(made[1]);
    expect(made[1]).not.toBe(made[0]);
    environment.interrupt.abort("SIGTERM");
    expect(await done).toBe(0);
  });

  test.each<[string, unknown, string]>([
    [
      "no export of use",
      { helper: 1 },
      "--state-machine m.js exports helper, no state machine: export as default, or as stateMachine, a function that",
    ],
    ["no export", {}, "--state-machine m.js exports nothing, no state machine: export as default"],
    [
      "one that throws",
      {
        default: () => {
          throw new TypeError("no\nlimit");
        },
      },
      "--state-machine m.js failed to make a state machine: TypeError: no limit",
    ],
    [
      "one that makes nothing",
      { default: () => undefined },
      "--state-machine m.js made nothing, no state machine: return an object with a method apply\n",
    ],
    [
      "one that makes something else",
      { default: async () => ({ aply: apply }) },
      "--state-machine m.js made an object without apply, no state machine: return",
    ],
  ])("%s is bad input, and nothing is left open", async (_, module, message) => {
    environment.loadModule = async () => module;
    expect(await run(["-h", hosts, "--state-machine", "m.js"], environment)).toBe(2);
    expect(environment.log.startsWith(`paxos-server: ${message}`)).toBe(true);
    expect(environment.log.trimEnd().split("\n").length).toBe(1);
    expect(environment.storages.every(({ closed }) => closed === 1)).toBe(true);
    expect(environment.transports.every(({ closed }) => closed === 1)).toBe(true);
  });
});

describe("a module that cannot be loaded is told in one line, status 2", () => {
  const files: Readonly<Record<string, string>> = {
    "throws.mjs": `const limits = undefined;\nexport default limits.map(String);\n`,
    "throws-text.mjs": `throw "not today";\n`,
    "syntax.mjs": `export default () => ;\n`,
    "imports.mjs": `import "./absent.mjs";\n`,
    "machine.ts": `export default () => ({});\n`,
  };

  test.each([
    ["none.mjs", "there is no such file; name a JavaScript module, .js or .mjs"],
    ["folder", "it is a directory; name the module in it"],
    ["machine.ts", "it is no JavaScript; name a module, .js or .mjs, built from it if need be"],
    [
      "throws.mjs",
      /^TypeError: Cannot read properties of undefined .* \(.*throws.mjs:2:23\); mend it there$/,
    ],
    ["throws-text.mjs", "not today; mend it there"],
    ["syntax.mjs", /^SyntaxError: .*; node --check .*syntax.mjs may show where$/],
    ["imports.mjs", /^Error: Cannot find module '.*absent.mjs' imported from .*imports.mjs; mend it there$/],
  ])("%s", async (file, message) => {
    await mkdir(join(directory, "folder"));
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    const args = ["-h", hosts, "-i", "1", "--in-memory", "--state-machine", file];
    const { status, stderr } = await spawnServer(args, { cwd: directory }).ended;
    const prefix = `paxos-server: cannot load --state-machine ${file}: `;
    expect(stderr.slice(0, prefix.length)).toBe(prefix);
    expect(stderr.slice(prefix.length).trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect(status).toBe(2);
  });
});

/** The README's, which sums the first bytes of updates. */
async function readmeModule(): Promise<string> {
  const text = await readFile(new URL("../README.md", import.meta.url), "utf8");
  return /```js\n(.*?)```/s.exec(text)?.[1] ?? "";
}

test("servers run the one of the README, and it is restored when they come back, from a snapshot and the log behind it", async () => {
  const file = join(directory, "sum.mjs");
  await writeFile(file, await readmeModule());
  await withCluster({ nodes: 3, args: ["--state-machine", file] }, async (cluster) => {
    const client = connect({ servers: cluster.addresses, transport: newClientTransport() });
    try {
      const answers: number[] = [];
      for (const update of [3, 4, 5]) {
        const { result } = await client.submit(Uint8Array.of(update));
        answers.push(result[0] ?? -1);
      }
      expect(answers).toEqual([3, 7, 12]);
      await cluster.level();
      for (const server of cluster.addresses) await client.takeSnapshot({ server });
      await client.submit(Uint8Array.of(6));
      for (const id of [0, 1, 2]) await cluster.kill(id);
      for (const id of [0, 1, 2]) cluster.startServer(id);
      expect((await client.submit(Uint8Array.of(1))).result[0]).toBe(19);
      await cluster.level();
      for (const server of cluster.addresses)
        expect((await client.read(new Uint8Array(), { server, consistency: "local" })).result[0]).toBe(19);
    } finally {
      await client.close();
    }
  });
});
