import { expect, test } from "@jest/globals";
import { ConfigError, RequestError } from "@paxos/core";

import { ServerNames, whyNot } from "./server-names.js";

const member = (nodeId: number, address: string) => {
  const [host = "", port] = address.split(/:(?=\d+$)/);
  return { nodeId, address, host, port: Number(port), line: nodeId + 1 };
};
const names = new ServerNames([member(0, "a:23"), member(1, "a:234"), member(2, "[::1]:2346")]);

test.each([
  ["server a:23: busy", "server 0 (a:23): busy"],
  ["server a:234: busy; server a:23: gone", "server 1 (a:234): busy; server 0 (a:23): gone"],
  ["attempt 1, to server [::1]:2346", "attempt 1, to server 2 ([::1]:2346)"],
  ["server b:1: busy", "server b:1: busy"],
  ["the server has it", "the server has it"],
  [
    "not sent within 1 s: server a:23: no answer from a:23: connect ECONNREFUSED 10.0.0.1:23; try another server, or again later",
    "not sent within 1 s: server 0 (a:23): connection refused",
  ],
])("%j reads %j", (text, clear) => {
  expect(names.clarify(text)).toBe(clear);
});

test.each([
  [
    "unavailable",
    "no answer from a:23: getaddrinfo ENOTFOUND a; try another server, or again later",
    "host name not found",
  ],
  [
    "unavailable",
    "no answer from a:23: http/2 stream closed with error code CANCEL (0x8); try another server, or again later",
    "connection lost",
  ],
  ["unavailable", "no answer from a:23: it hums; try another server, or again later", "it hums"],
  ["unavailable", "this node is closing; try another one", "this node is closing; try another one"],
  ["timed_out", "anything", "no answer within 2 s"],
  ["cancelled", "anything", "no answer yet"],
] as const)("%s, %j: %s", (code, message, why) => {
  expect(whyNot(new RequestError(code, message), 2_000)).toBe(why);
});

test("an id that no server has is bad input", () => {
  expect(names.withId(2).address).toBe("[::1]:2346");
  expect(() => names.withId(3)).toThrow(ConfigError);
});
