// What the README shows is what happens.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { freePorts } from "../../../scripts/free-ports.mjs";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
const bin = (name: string): string => fileURLToPath(new URL(`../bin/${name}.js`, import.meta.url));

let directory: string;
const servers: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kv-readme-"));
});

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(async (server) => {
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
    }),
  );
  await rm(directory, { recursive: true, force: true });
});

test("the servers start as it says, and answer as it says", async () => {
  // The session pipes one program into another.
  if (process.platform === "win32") return;
  const ports = new Map<string, number>();
  const named = [...new Set(readme.match(/127\.0\.0\.1:\d+/g))];
  for (const [i, port] of (await freePorts(named.length)).entries()) ports.set(named[i] ?? "", port);
  const withPorts = (text: string): string =>
    text.replace(/127\.0\.0\.1:\d+/g, (address) => `127.0.0.1:${ports.get(address)}`);

  const [, hostfile = ""] = /```\n(127.*?)```/s.exec(readme) ?? [];
  await writeFile(join(directory, "hostfile"), withPorts(hostfile));
  for (const [, line = ""] of readme.matchAll(/^pnpm kv-server (-i \d --http .*)$/gm)) {
    const args = withPorts(line).split(" ");
    const server = spawn(process.execPath, [bin("kv-server"), ...args], {
      cwd: directory,
      stdio: ["ignore", "ignore", "pipe"],
    });
    servers.push(server);
    let log = "";
    server.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
    while (!log.includes("serving HTTP")) await once(server.stderr, "data");
  }
  expect(servers.length).toBe(3);

  const [, session = ""] = /```console\n(.*?)```/s.exec(readme) ?? [];
  let seen = "";
  for (const [line, command = ""] of session.matchAll(/^\$ (.*)$/gm)) {
    const shell = withPorts(command).replace("pnpm -s kv ", `"${process.execPath}" "${bin("kv")}" `);
    const { stdout, stderr } = await promisify(execFile)("/bin/sh", ["-c", `${shell}; true`]);
    const output = `${stderr}${stdout}`.replaceAll("\r", "");
    seen += `${line}\n${output}${output.endsWith("\n") ? "" : "\n"}`;
  }
  expect(seen).toBe(session);
});
