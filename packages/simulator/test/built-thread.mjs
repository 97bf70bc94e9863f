// A thread outside of the test runner's sandbox: see built.ts.
import { parentPort } from "node:worker_threads";
import { profiles, simulate, Violation } from "@paxos/simulator";

parentPort?.on("message", async ({ profile: { name, ...changes }, ...options }) => {
  try {
    const profile = { ...profiles[name], ...changes };
    parentPort?.postMessage({ summary: await simulate({ ...options, profile }) });
  } catch (error) {
    // What is known of a violation is no more than its message once it is copied.
    const violated = error instanceof Violation ? error.summary : undefined;
    parentPort?.postMessage({ error, violated });
  }
});
