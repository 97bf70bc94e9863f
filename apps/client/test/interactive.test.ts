import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { RequestError } from "@paxos/core";

import { FakeCluster } from "./fake-cluster.js";
import { ClientRun, type ClientRunOptions, hostfile } from "./run-client.js";

const A = "127.0.0.1:1";
const PROMPT = "Enter an update: ";

let cluster: FakeCluster;
let hosts: string;

beforeEach(async () => {
  cluster = new FakeCluster([A]);
  hosts = await hostfile(A);
});

function start(args: string[] = [], options: ClientRunOptions = {}): ClientRun {
  return new ClientRun(["-h", hosts, ...args], cluster, { terminal: true, ...options });
}

const prompts = (client: ClientRun) => client.stderr.split(PROMPT).length - 1;

test("each line typed is ordered, its seq printed, and the next one asked for; empty lines are skipped", async () => {
  const client = start();
  await client.until(() => prompts(client) === 1);
  client.stdin.write("one\n");
  await client.until(() => prompts(client) === 2);
  expect(client.stdout).toBe("seq 1\n");
  client.stdin.write("\nzwö\n");
  await client.until(() => prompts(client) === 4);
  expect(client.stdout).toBe("seq 1\nseq 2\n");
  expect(cluster.ordered.map(({ update }) => Buffer.from(update?.update ?? []).toString())).toEqual([
    "one",
    "zwö",
  ]);
  client.stdin.end();
  expect(await client.done).toBe(0);
});

test("--json keeps the prompt out of the results", async () => {
  const client = start(["--json"]);
  client.stdin.end("one\n");
  expect(await client.done).toBe(0);
  await client.until(() => client.stdout === '{"seq":1,"update":"one"}\n');
});

test("a line that is not ordered is told, and the next one may be", async () => {
  cluster.behaviours.set(A, ({ timestamp }) => {
    if (timestamp === 1n) throw new RequestError("unavailable", "connection refused");
    if (timestamp === 2n) throw new RequestError("too_large", "the limit is lower here");
  });
  const client = start(["--timeout", "5"]);
  client.stdin.write(`down\nrefused\n${"x".repeat(1_048_577)}\nup\n`);
  await client.until(() => client.stdout === "seq 1\n");
  expect(client.stderr).toContain(
    `may have been ordered: not ordered within 5 s: server 0 (${A}): connection refused\n`,
  );
  expect(client.stderr).toContain(`not ordered: server 0 (${A}): the limit is lower here\n`);
  expect(client.stderr).toContain("not ordered: it has 1048577 bytes, and an update at most 1048576\n");
  client.stdin.end();
  expect(await client.done).toBe(0);
});

test("an interrupt ends the prompt", async () => {
  const client = start();
  await client.until(() => prompts(client) === 1);
  client.interrupt.abort("SIGINT");
  expect(await client.done).toBe(130);
});

test("an interrupt ends a line that is being retried", async () => {
  cluster.behaviours.set(A, () => "hang");
  const client = start([], { frozen: true });
  client.stdin.write("stuck\n");
  await client.until(() => cluster.sentTo.length === 1);
  client.interrupt.abort("SIGTERM");
  expect(await client.done).toBe(143);
  expect(client.stderr).toContain("interrupted: this update may still be ordered\n");
});

describe("at a terminal", () => {
  const UP = "\x1b[A";
  const DOWN = "\x1b[B";
  const LEFT = "\x1b[D";
  const CTRL_C = "\x03";
  const CTRL_D = "\x04";

  let directory: string;
  let historyFile: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "paxos-client-"));
    historyFile = join(directory, "paxos", "history");
  });

  afterEach(() => rm(directory, { recursive: true }));

  const atTerminal = (args: string[] = [], options: ClientRunOptions = {}) =>
    start(args, { columns: 80, historyFile, ...options });
  const shown = (client: ClientRun) => stripVTControlCharacters(client.stderr);
  const texts = () => cluster.ordered.map(({ update }) => Buffer.from(update?.update ?? []).toString());

  /** Types, and waits until so many updates are ordered. */
  async function type(client: ClientRun, ordered: number, ...keys: string[]): Promise<void> {
    for (const key of keys) client.stdin.write(key);
    await client.until(() => cluster.ordered.length === ordered);
  }

  test("a line can be edited, and earlier ones brought back", async () => {
    const client = atTerminal();
    await client.until(() => client.stderr.includes(PROMPT));
    await type(client, 1, "one", LEFT, LEFT, LEFT, "no ", "\r");
    await type(client, 2, "two\r");
    await type(client, 3, UP, UP, " more\r");
    await type(client, 4, UP, UP, DOWN, "\r");
    // Over a slow line, keys come together.
    await type(client, 5, `zwei${LEFT}${LEFT}${LEFT}x${LEFT}${LEFT}y\r`);
    expect(texts()).toEqual(["no one", "two", "no one more", "no one more", "yzxwei"]);
    client.stdin.write(CTRL_D);
    expect(await client.done).toBe(0);
  });

  test("what was typed is there in the next run, unless it is not wanted", async () => {
    const first = atTerminal();
    await type(first, 2, "one\rtwo\r");
    first.stdin.write(CTRL_D);
    expect(await first.done).toBe(0);
    expect(await readFile(historyFile, "utf8")).toBe("one\ntwo\n");

    const second = atTerminal();
    await type(second, 3, UP, UP, "\r");
    second.stdin.write(CTRL_D);
    await second.done;

    const third = atTerminal(["--no-history"]);
    await type(third, 4, UP, "x\r");
    third.stdin.write(CTRL_D);
    await third.done;
    expect(texts()).toEqual(["one", "two", "one", "x"]);
    expect(await readFile(historyFile, "utf8")).toBe("one\ntwo\none\n");
  });

  test("a history that cannot be kept is told once, and changes nothing else", async () => {
    const client = atTerminal([], { historyFile: "/dev/null/history" });
    await type(client, 2, "one\rtwo\r");
    client.stdin.write(CTRL_D);
    expect(await client.done).toBe(0);
    expect(
      client.stderr.split("the lines that you type are not kept: /dev/null/history: ENOTDIR").length,
    ).toBe(2);
  });

  test("Ctrl-C clears the line; where there is none it ends the program", async () => {
    const client = atTerminal();
    await client.until(() => client.stderr.includes(PROMPT));
    await type(client, 1, "wrong", LEFT, LEFT, CTRL_C, "right\r");
    expect(texts()).toEqual(["right"]);
    await client.until(() => prompts(client) >= 2);
    client.stdin.write(CTRL_C);
    expect(await client.done).toBe(130);
  });

  test("what there is to say while a line is being typed is said above it", async () => {
    const B = "127.0.0.1:2";
    const slow = new SlowToComeBack([A, B], B);
    cluster = slow;
    hosts = await hostfile(`${A}\n${B}\n`);
    cluster.statuses.delete(B);
    const client = atTerminal([], { frozen: true });
    await type(client, 1, "one\r");
    await client.until(() => client.stdout === "seq 1\n");
    cluster.start(B, 1);
    client.time.advance(2_000);
    await type(client, 2, "two\r");
    await client.until(() => client.stdout.endsWith("seq 2\n") && shown(client).endsWith(PROMPT));
    client.stdin.write("thr");
    await client.until(() => shown(client).endsWith("thr"));
    const before = shown(client).length;
    const drawn = client.stderr.length;
    slow.letGo();
    await client.until(() => shown(client).slice(before).endsWith("thr"));
    expect(shown(client).slice(before)).toBe(
      `paxos-client: server 1 (${B}): answers again\nEnter an update: thr`,
    );
    // To the start of the line, and all of it cleared.
    expect(client.stderr.slice(drawn).startsWith("\x1b[1G\x1b[0Jpaxos-client")).toBe(true);
    await type(client, 3, "ee\r");
    expect(texts()).toEqual(["one", "two", "three"]);
    client.interrupt.abort("SIGINT");
    expect(await client.done).toBe(130);
  });
});

/** One of its servers is asked in vain until it is let go. */
class SlowToComeBack extends FakeCluster {
  letGo = (): void => undefined;
  readonly #gone: Promise<void>;

  constructor(
    addresses: readonly string[],
    readonly slow: string,
  ) {
    super(addresses);
    this.#gone = new Promise((resolve) => (this.letGo = resolve));
  }

  override async status(address: string) {
    if (address === this.slow && this.statuses.has(address)) await this.#gone;
    return super.status(address);
  }
}
