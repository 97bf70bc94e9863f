import { describe, expect, test } from "@jest/globals";
import { ConfigError, type ClientTransport } from "@paxos/core";
import { settingsOf, type ConnectOptions } from "./options.js";

const transport = {
  clientUpdate: () => Promise.reject(new Error("not called")),
} as unknown as ClientTransport;
const servers = ["a:1"];

test("defaults are filled in; the list of servers is a copy", () => {
  const list = ["a:1", "[::1]:2", "127.0.0.1:65535"];
  const settings = settingsOf({ servers: list, transport });
  expect(settings).toMatchObject({
    servers: [...list],
    timeoutMs: 30_000,
    maxWaiting: 65_536,
    discover: true,
  });
  list.pop();
  expect(settings.servers).toHaveLength(3);
  expect(settingsOf({ servers, transport, timeoutMs: Infinity }).timeoutMs).toBe(Infinity);
});

test("client ids are random, 64 bits, and not 0", () => {
  const { clientId } = settingsOf({ servers, transport }).environment;
  const ids = Array.from({ length: 100 }, clientId);
  expect(new Set(ids).size).toBe(100);
  expect(ids.some((id) => id >= 1n << 60n)).toBe(true);
  expect(ids.every((id) => id > 0n && id < 1n << 64n)).toBe(true);
});

describe("what is out of bounds is named, with what is allowed", () => {
  test.each<[string, Partial<Record<keyof ConnectOptions, unknown>>]>([
    ["servers is empty: give the address of at least one", { servers: [] }],
    ["servers is empty: give the address of at least one", { servers: undefined }],
    ['"a" is no address: give host:port', { servers: ["a:1", "a"] }],
    ['"a:0" is no address', { servers: ["a:0"] }],
    ['"a:65536" is no address', { servers: ["a:65536"] }],
    ['"::1:2" is no address', { servers: ["::1:2"] }],
    ['"7" is no address', { servers: [7] }],
    ["servers: a:1 is there twice; name each server once", { servers: ["a:1", "b:1", "a:1"] }],
    ["transport is missing: give a ClientTransport", { transport: undefined }],
    [
      "timeoutMs is 0; it must be Infinity or a whole number of milliseconds from 1 to 2147483647",
      { timeoutMs: 0 },
    ],
    ["timeoutMs is 0.5;", { timeoutMs: 0.5 }],
    ["timeoutMs is NaN;", { timeoutMs: NaN }],
    ["timeoutMs is 2147483648;", { timeoutMs: 2 ** 31 }],
    ["maxWaiting is 0; it must be a whole number from 1 to 16777216", { maxWaiting: 0 }],
    ["maxWaiting is Infinity;", { maxWaiting: Infinity }],
    ["discover is yes; it must be true or false", { discover: "yes" }],
  ])("%s", (message, options) => {
    const check = (): unknown => settingsOf({ servers, transport, ...options } as ConnectOptions);
    expect(check).toThrow(ConfigError);
    expect(check).toThrow(message);
  });
});
