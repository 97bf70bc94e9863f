import { expect, test } from "@jest/globals";

import { type Progress, progressLine, progressReport } from "./progress.js";

const progress: Progress = {
  runs: 1234,
  of: 10_000,
  failures: 0,
  effort: { runs: 1234, steps: 1, virtualMs: 1, faults: 1_234_567, busyMs: 1 },
  pace: { runs: 8.4, steps: 204_800, stepsPerJob: 102_400, virtualSeconds: 308 },
  jobs: 2,
  elapsedMs: 147_000,
  memory: 301 * 2 ** 20,
};

test("the line fits a terminal of 80 columns", () => {
  const line = progressLine(progress, 80);
  expect(line).toBe("1,234/10,000 seeds 8.4/s  205k steps/s (102k/job)  308x time  1.2M faults");
  expect(progressLine(progress, 90)).toBe(`${line}  301 MB`);
  expect(progressLine({ ...progress, of: Infinity }, 80)).toBe(
    "1,234 seeds 8.4/s  205k steps/s (102k/job)  308x time  1.2M faults  301 MB",
  );
  expect(progressLine({ ...progress, jobs: 1, failures: 2, of: Infinity }, 80)).toBe(
    "2 FAILED  1,234 seeds 8.4/s  205k steps/s  308x time  1.2M faults  301 MB",
  );
});

test("never fills the last column, however narrow", () => {
  for (let columns = 1; columns < 120; columns++) {
    expect(progressLine(progress, columns).length).toBeLessThan(columns);
  }
});

test("a log says it in words", () => {
  expect(progressReport(progress)).toBe(
    "2 min 27 s; 1,234 of 10,000 seeds, 8.4/s; 204,800 core steps/s, 102,400/s a job; " +
      "308 virtual seconds a second; 1,234,567 faults; memory 301 MB",
  );
});
