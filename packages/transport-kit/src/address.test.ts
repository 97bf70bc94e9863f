import { ConfigError } from "@paxos/core";
import { expect, test } from "@jest/globals";
import { formatAddress, parseAddress } from "./address.js";

test.each([
  ["localhost:2346", { host: "localhost", port: 2346 }],
  ["10.0.0.1:0", { host: "10.0.0.1", port: 0 }],
  ["[::1]:65535", { host: "::1", port: 65_535 }],
])("%s is read and written", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

test.each([
  "",
  "localhost",
  "localhost:",
  ":2346",
  "::1:2346",
  "[::1]",
  "a:b:1",
  "host:65536",
  "host:-1",
  "host:1e3",
  "a b:1",
  "host:1/x",
  "[fe80::1%eth0]:1",
])("%j is refused and quoted", (text) => {
  expect(() => parseAddress(text)).toThrow(ConfigError);
  expect(() => parseAddress(text)).toThrow(`"${text}" is no address`);
});
