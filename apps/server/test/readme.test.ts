import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, jest, test } from "@jest/globals";

import { freePorts } from "../../../scripts/free-ports.mjs";
import { addressOf, patient, runOn } from "./hosts.js";
import { type ProgramProcess, spawnClient, spawnCommand, spawnServer } from "./program-process.js";
import { until } from "./until.js";

jest.setTimeout(patient(60_000));

/** Its blocks of commands, and the hostfile. */
async function readme() {
  const text = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const [, hostfile = ""] = /```\n(.*?)```/s.exec(text) ?? [];
  const scripts = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, script = ""]) => script.trim().split("\n"));
  const [, inspected = ""] = /```console\n(.*?)```/s.exec(text) ?? [];
  return { hostfile, scripts, inspected };
}

/** A program of a line of commands, and its arguments. */
function parse(line: string): string[] {
  const command = line.replace(/ (&|< updates\.txt)$/, "");
  return [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

/** Runs the README's commands in a directory of their own. */
class Session {
  readonly servers: ProgramProcess[] = [];
  /** What commands that end have printed. */
  readonly printed: string[] = [];
  readonly #options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> };

  constructor(readonly directory: string) {
    const env = { XDG_DATA_HOME: directory, LOCALAPPDATA: directory, HOME: directory };
    this.#options = { cwd: directory, env };
  }

  /** The README's ports may be taken here. */
  async writeHostfile(name: string, hostfile: string): Promise<void> {
    const ports = await freePorts(hostfile.split("\n").length - 1);
    const addresses = ports.map((port, id) => `${addressOf(id)}:${port}`);
    const text = hostfile.replace(/\S+/g, () => addresses.shift() ?? "more lines than the hostfile has");
    await writeFile(join(this.directory, name), text);
  }

  async run(line: string): Promise<void> {
    const [program = "", ...args] = parse(line);
    if (program === "paxos-client") return this.#runClient(line, args);
    if (!args[0]?.startsWith("-")) {
      const { status, stdout, stderr } = await spawnCommand(args, this.#options).ended;
      if (status !== 0) throw new Error(`${line}: status ${String(status)}: ${stderr}`);
      this.printed.push(stdout);
      return;
    }
    this.servers.push(
      spawnServer(args, { ...this.#options, run: runOn(Number(args[args.indexOf("-i") + 1])) }),
    );
  }

  // The last server may not have heard yet that what its peers answered is ordered.
  async #runClient(line: string, args: readonly string[]): Promise<void> {
    const expected = args[0] === "submit" ? 1 : 2;
    await until(`${line} prints ${expected} lines`, async () => {
      const client = spawnClient(args, this.#options);
      client.child.stdin.end("open the account\npay in 10\n");
      const ended = await client.ended;
      this.printed.push(ended.stdout);
      return ended.stdout.split("\n").length === expected + 1;
    });
  }

  async killServers(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.end("SIGKILL")));
  }
}

test("the README's commands order updates, and begin a new cluster with a backup", async () => {
  const { hostfile, scripts, inspected } = await readme();
  const [first = [], second = []] = scripts;
  const session = new Session(await mkdtemp(join(tmpdir(), "paxos-readme-")));
  const { printed, servers, directory } = session;
  try {
    await session.writeHostfile("hostfile", hostfile);
    for (const line of first) await session.run(line);
    expect(printed[0]).toMatch(/^\d+\topen the account\n\d+\tpay in 10\n$/);
    expect(printed.at(-1)).toBe(printed[0]);

    await session.writeHostfile("new-hostfile", hostfile);
    for (const line of second) await session.run(line);
    const [, last] = /(\d+)\tpay in 10\n$/.exec(printed[0] ?? "") ?? [];
    expect(Number(printed.at(-1))).toBeGreaterThan(Number(last));

    await session.killServers();
    const [, data = ""] = /data in (.*)\n/.exec(servers[0]?.stderr ?? "") ?? [];
    const { status, stdout } = await spawnCommand(["inspect", "--data-dir", data]).ended;
    expect(status).toBe(0);
    const [, ...sample] = inspected.split("\n");
    const labels = (lines: readonly string[]) =>
      lines.map((line) => /^[a-z]+(?= )/.exec(line)?.[0]).filter(Boolean);
    expect(labels(stdout.split("\n"))).toEqual(labels(sample));
  } finally {
    await session.killServers();
    await rm(directory, { recursive: true });
  }
});
