import { fileURLToPath } from "node:url";

const countingReporter = fileURLToPath(new URL("scripts/test-counts/jest-reporter.mjs", import.meta.url));

// What the jest configurations of all packages share. Tests run as ES modules and resolve workspace packages
// from their sources (the "@paxos/source" condition), so that no test needs a build.
export default {
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["@paxos/source", "node", "node-addons"] },
  roots: ["<rootDir>"],
  testMatch: ["<rootDir>/src/**/*.test.ts", "<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  // Only what hangs should time out: packages are tested side by side, on slow machines too.
  testTimeout: 120_000,
  reporters: ["default", countingReporter],
  transform: { "^.+\\.ts$": ["ts-jest", { useESM: true, tsconfig: "<rootDir>/tsconfig.json" }] },
};
