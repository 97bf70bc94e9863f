import { expect, test } from "@jest/globals";
import { initialMembership, validateConfig, type Config } from "./config.js";
import { ConfigError } from "./errors.js";
import { silentLogger } from "./logger.js";
import { firstEpoch } from "./membership.js";

const required = { nodeId: 1, epochRecord: firstEpoch(["a:1", "b:1", "c:1"]), seed: 7 };
const MiB = 1024 * 1024;

test("defaults are those of the design", () => {
  expect(initialMembership(required).record).toBe(required.epochRecord);
  expect(validateConfig(required)).toEqual({
    clusterId: new Uint8Array(),
    nodeId: 1,
    seed: 7,
    incarnation: 0n,
    commandVersion: 0,
    heartbeatTicks: 10,
    progressTicks: 60,
    leaseTicks: 0,
    tickMs: 10,
    windowUpdates: 4096,
    windowBytes: 8 * MiB,
    runUpdates: 512,
    runBytes: 256 * 1024,
    updateBytes: MiB,
    catchUpBytes: MiB,
    logger: silentLogger,
  });
});

/** Name, least, greatest, and what else must be set for the ends to be allowed. */
const ranges: [keyof Config, number, number, Partial<Config>][] = [
  ["seed", -0x80000000, 0xffffffff, {}],
  ["heartbeatTicks", 1, 1_000_000, { progressTicks: 4_000_000 }],
  ["progressTicks", 40, 100_000_000, {}],
  ["progressTicks", 12, 100_000_000, { heartbeatTicks: 3 }],
  ["leaseTicks", 3, 30, {}],
  ["leaseTicks", 3, 100, { progressTicks: 200 }],
  ["tickMs", 1, 60_000, {}],
  ["windowUpdates", 1, 65_536, {}],
  ["windowBytes", MiB, 8 * MiB, {}],
  ["windowBytes", 77, 8 * MiB, { updateBytes: 77 }],
  ["runUpdates", 1, 4096, {}],
  ["runBytes", 1, 64 * MiB, {}],
  ["updateBytes", 1, 8 * MiB, {}],
  ["catchUpBytes", 1, 8 * MiB, {}],
];

test.each(ranges)("%s: both ends of the range, %d and %d, are allowed", (name, low, high, others) => {
  for (const value of [low, high]) {
    expect(validateConfig({ ...required, ...others, [name]: value })).toMatchObject({ [name]: value });
  }
});

test.each(ranges)(
  "%s: everything else is refused by name, with what is allowed",
  (name, low, high, others) => {
    for (const value of [low - 1, high + 1, low + 0.5, Number.NaN, Infinity, -Infinity, "10", true]) {
      const config = { ...required, ...others, [name]: value } as Config;
      expect(() => validateConfig(config)).toThrow(
        new ConfigError(`${name} is ${String(value)}; allowed is an integer from ${low} to ${high}`),
      );
    }
  },
);

test("a seed has no default", () => {
  const { seed: _, ...rest } = required;
  expect(() => validateConfig(rest as Config)).toThrow(
    /^seed is .*; allowed is an integer from -2147483648 to 4294967295$/,
  );
});

test.each([3, -1, 0.5, Number.NaN, "1", undefined])(
  "nodeId %p is refused, for it is no member's",
  (nodeId) => {
    expect(() => initialMembership({ ...required, nodeId } as Config)).toThrow(
      new ConfigError(`nodeId is ${String(nodeId)}; allowed is one of 0, 1, 2`),
    );
  },
);

test("a record that contradicts itself is refused", () => {
  expect(() => initialMembership({ ...required, epochRecord: firstEpoch([]) })).toThrow(ConfigError);
});
