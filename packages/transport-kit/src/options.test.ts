import { ConfigError } from "@paxos/core";
import { expect, test } from "@jest/globals";
import {
  clientTransportSettings,
  replicaTransportSettings,
  type ReplicaTransportOptions,
} from "./options.js";

test("defaults are filled in, also within groups", () => {
  const settings = replicaTransportSettings({
    keepAlive: { intervalMs: 5 },
    lanes: { bulk: { maxBytes: 1, maxMessages: 2 } },
  });
  expect(settings.keepAlive).toEqual({ intervalMs: 5, timeoutMs: 2000 });
  expect(settings.lanes.bulk).toEqual({ maxBytes: 1, maxMessages: 2 });
  expect(settings.lanes.control).toEqual({ maxBytes: 64 * 1024 * 1024, maxMessages: 65_536 });
});

test.each<[ReplicaTransportOptions, string]>([
  [{ maxMessageBytes: 0 }, "maxMessageBytes is 0; it must be a whole number from 1 to"],
  [{ maxRequestBytes: 1.5 }, "maxRequestBytes is 1.5"],
  [{ lanes: { bulk: { maxBytes: -1, maxMessages: 1 } } }, "lanes.bulk.maxBytes is -1"],
  [{ lanes: { control: { maxBytes: 1, maxMessages: 0 } } }, "lanes.control.maxMessages is 0"],
  [{ keepUnsentMs: NaN }, "keepUnsentMs is NaN"],
  [{ backOff: { minMs: 10, maxMs: 9 } }, "backOff.maxMs is 9; it must be a whole number from 10 to"],
  [{ keepAlive: { timeoutMs: 0 } }, "keepAlive.timeoutMs is 0"],
  [{ connectTimeoutMs: Infinity }, "connectTimeoutMs is Infinity"],
])("%j is refused by name", (options, words) => {
  expect(() => replicaTransportSettings(options)).toThrow(ConfigError);
  expect(() => replicaTransportSettings(options)).toThrow(words);
});

test("a client's options are checked as well", () => {
  expect(() => clientTransportSettings({ maxRequestBytes: 0 })).toThrow("maxRequestBytes is 0");
  expect(() => clientTransportSettings({ keepAlive: { intervalMs: 0 } })).toThrow(
    "keepAlive.intervalMs is 0",
  );
  expect(() => clientTransportSettings({ connectTimeoutMs: 0 })).toThrow("connectTimeoutMs is 0");
  expect(clientTransportSettings({}).keepAlive).toEqual({ intervalMs: 1000, timeoutMs: 2000 });
});
