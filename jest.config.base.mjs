// What the jest configurations of all packages share. Tests run as ES modules and resolve workspace packages
// from their sources (the "@paxos/source" condition), so that no test needs a build.
export default {
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["@paxos/source", "node", "node-addons"] },
  roots: ["<rootDir>"],
  testMatch: ["<rootDir>/src/**/*.test.ts", "<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: { "^.+\\.ts$": ["ts-jest", { useESM: true, tsconfig: "<rootDir>/tsconfig.json" }] },
};
