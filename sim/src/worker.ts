// The inside of a thread: does the runs it is told to, one at a time.
import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

import { perform } from "./perform.js";
import type { Run } from "./run.js";
import type { WorkerAnswer, WorkerSettings } from "./sim-worker.js";
import { loadSubject } from "./subject.js";
import { UsageError } from "./usage-error.js";

if (parentPort === null) throw new Error("this is the code of a worker thread");
const port = parentPort;
const { subject } = workerData as WorkerSettings;
const loaded = await loadSubject(subject);

port.on("message", (run: Run) => void answer(run));

async function answer(run: Run): Promise<void> {
  const outcome = await answerOf(run);
  // What nobody awaited and was rejected ends the thread by now, and is counted as this run's doing.
  await setImmediate();
  port.postMessage(outcome);
}

async function answerOf(run: Run): Promise<WorkerAnswer> {
  try {
    return await perform(run, loaded);
  } catch (error) {
    // Errors lose their class on the way.
    if (error instanceof UsageError) return { kind: "refused", reason: error.message };
    throw error;
  }
}
