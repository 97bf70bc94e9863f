import base from "../../jest.config.base.mjs";

export default {
  ...base,
  globalSetup: "<rootDir>/test/build-once.mjs",
  // Loopback has no cables: these run in `pnpm test:network`, which says where its hosts are.
  testPathIgnorePatterns: process.env["PAXOS_TEST_HOSTS"] === undefined ? ["/cut-cable[.]test"] : [],
};
