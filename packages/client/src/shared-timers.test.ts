import { expect, test } from "@jest/globals";
import { VirtualTime } from "../test/virtual-time.js";
import { SharedTimers } from "./shared-timers.js";

/** Starts timers at these times, and tells when each came; undefined for those that are called off at `offAt`. */
async function timesOf(starts: readonly { readonly at: number; readonly offAt?: number }[]) {
  const time = new VirtualTime();
  let timersSet = 0;
  const environment = {
    now: () => time.now(),
    after: (ms: number, callback: () => void) => {
      timersSet++;
      return time.after(ms, callback);
    },
  };
  const timers = new SharedTimers(environment, 2_000);
  const came: (number | undefined)[] = starts.map(() => undefined);
  for (const [i, { at, offAt }] of starts.entries())
    time.after(at, () => {
      const off = timers.start(() => (came[i] = time.now()));
      if (offAt !== undefined) time.after(offAt - at, off);
    });
  await time.pass(10_000);
  return { came, timersSet };
}

test("one alone comes at its time", async () => {
  expect(await timesOf([{ at: 7 }])).toEqual({ came: [2_007], timersSet: 1 });
});

test("those that start within 50 ms share a timer; none comes early, and none more than 50 ms late", async () => {
  const { came, timersSet } = await timesOf([{ at: 0 }, { at: 20 }, { at: 49 }, { at: 50 }, { at: 120 }]);
  expect(came).toEqual([2_049, 2_049, 2_049, 2_050, 2_120]);
  expect(timersSet).toBe(4);
});

test("who is called off does not come, and when nobody is left, nothing is waited for", async () => {
  const { came } = await timesOf([{ at: 0, offAt: 10 }, { at: 5 }, { at: 300, offAt: 301 }, { at: 310 }]);
  expect(came).toEqual([undefined, 2_005, undefined, 2_310]);
});

test("a callback may call off another one of its group, and start a new one", async () => {
  const time = new VirtualTime();
  const timers = new SharedTimers(time, 100);
  const came: string[] = [];
  const others: (() => void)[] = [];
  timers.start(() => {
    came.push(`first ${time.now()}`);
    others[0]?.();
    timers.start(() => came.push(`again ${time.now()}`));
  });
  others.push(timers.start(() => came.push("called off")));
  await time.pass(1_000);
  expect(came).toEqual(["first 100", "again 200"]);
});
