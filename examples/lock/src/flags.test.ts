import { expect, test } from "@jest/globals";
import { parseFlags } from "./flags.js";

const common = { servers: [], hostfile: "hostfile", transport: "connect" };

test("what is to be done", () => {
  expect(parseFlags(["run", "db", "--", "pg_dump", "--jobs", "2", "--", "x"])).toEqual({
    ...common,
    action: { name: "db", ttlMs: 10_000, wait: true, command: ["pg_dump", "--jobs", "2", "--", "x"] },
  });
  const args = ["--servers", "a:1,[::1]:2", "--transport", "tcp", "run", "7", "--no-wait", "--ttl", "1500ms"];
  expect(parseFlags([...args, "--", "true"])).toEqual({
    servers: ["a:1", "[::1]:2"],
    hostfile: "hostfile",
    transport: "tcp",
    action: { name: "7", ttlMs: 1_500, wait: false, command: ["true"] },
  });
  expect(parseFlags(["status", "-h", "file"])).toEqual({
    ...common,
    hostfile: "file",
    action: { prefix: "" },
  });
  expect(parseFlags(["status", "web/"])).toEqual({ ...common, action: { prefix: "web/" } });
  expect(parseFlags(["reset-clock"])).toEqual({ ...common, action: "reset-clock" });
  expect(parseFlags(["--help"])).toEqual({ text: expect.stringContaining("lock run NAME") });
});

test.each<[string[], string]>([
  [[], "say what to do: run, status or reset-clock"],
  [["walk"], "there is no command walk: run, status or reset-clock"],
  [["run"], "run needs the name of a lock"],
  [["run", "a"], "run needs a command, behind --"],
  [["run", "a", "true"], "true is one word too many: the command to run stands behind --"],
  [
    ["run", "a", "--ttl", "0.5s", "--", "true"],
    'bad --ttl "0.5s": give 1s to 24h, such as 1500ms, 10s or 2m',
  ],
  [["run", "a", "--ttl", "25h", "--", "true"], 'bad --ttl "25h": give 1s to 24h, such as 1500ms, 10s or 2m'],
  [["run", "a", "--ttl"], "Not enough arguments following: ttl"],
  [["run", "a", "--wait", "--", "true"], "Unknown argument: wait"],
  [["status", "a", "b"], "b is one word too many"],
  [["status", "--", "b"], "b is one word too many"],
  [["status", "--no-wait"], "--ttl and --no-wait are flags of run"],
  [["status", "--servers", "a:1,b"], 'bad --servers: "b" is no host:port, such as 127.0.0.1:2346'],
  [
    ["status", "--transport", "pigeon"],
    'Invalid values: Argument: transport, Given: "pigeon", Choices: "connect", "tcp"',
  ],
])("wrong: %j", (args, message) => {
  expect(() => parseFlags(args)).toThrow(
    expect.objectContaining({ name: "ConfigError", message: `${message}; see lock --help` }),
  );
});
