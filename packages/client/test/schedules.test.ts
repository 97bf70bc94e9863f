import { expect, test } from "@jest/globals";
import { runSchedule, type ScheduleOptions, type Tally } from "./schedule.js";

async function runMany(
  first: number,
  count: number,
  options: Omit<ScheduleOptions, "seed">,
): Promise<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (let seed = first; seed < first + count; seed++) {
    const tally: Tally = await runSchedule({ seed, ...options });
    for (const [name, times] of Object.entries(tally)) {
      sum[name] = name === "span" ? Math.max(sum[name] ?? 0, times) : (sum[name] ?? 0) + times;
    }
  }
  return sum;
}

test("2,000 schedules of 30 updates in a window of 8: executed at most once, and as the client says", async () => {
  const options = { updates: 30, bunch: 5, stormMs: 60_000, window: 8, maxWaiting: 16 };
  const sum = await runMany(1, 2000, options);
  // It was the storm that it is meant to be.
  const leasts = {
    ordered: 10_000,
    rejected: 5000,
    unknown: 5000,
    duplicates: 1000,
    expired: 100,
    resent: 300,
  };
  for (const [name, least] of Object.entries(leasts)) expect(sum[name]).toBeGreaterThan(least);
  for (const code of ["busy", "too_large", "timed_out", "unavailable", "cancelled"])
    expect(sum[code]).toBeGreaterThan(100);
  expect(sum["invalid"]).toBe(0);
  expect(sum["span"]).toBe(8);
}, 300_000);

test("schedules of 3,000 updates fill a window of 1,024, and never more", async () => {
  const sum = await runMany(1, 20, {
    updates: 3000,
    bunch: 500,
    stormMs: 60_000,
    window: 1024,
    maxWaiting: 65_536,
  });
  expect(sum["span"]).toBe(1024);
  expect(sum["invalid"]).toBe(0);
}, 300_000);
