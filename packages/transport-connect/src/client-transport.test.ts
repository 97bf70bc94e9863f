import { expect, test } from "@jest/globals";
import { ConnectClientTransport } from "./client-transport.js";

test("a client's options are checked", () => {
  expect(() => new ConnectClientTransport({ maxRequestBytes: 0 })).toThrow("maxRequestBytes is 0");
  expect(() => new ConnectClientTransport({ keepAlive: { intervalMs: 0 } })).toThrow(
    "keepAlive.intervalMs is 0",
  );
  expect(() => new ConnectClientTransport({ connectTimeoutMs: 0 })).toThrow("connectTimeoutMs is 0");
});
