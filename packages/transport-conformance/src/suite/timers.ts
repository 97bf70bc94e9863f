// Node tells of those timers alone that keep the process running. Here all are known, so that one that was let go with
// unref() and never cleared is noticed as well.
const pending = new Set<unknown>();

type Start = typeof setTimeout | typeof setInterval;

/** Lets `start` tell of the timers that it starts; `once`: they are over when they have fired. */
function watched<T extends Start>(start: T, once: boolean): T {
  const watching = (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]): unknown => {
    const timer: unknown = (start as typeof setTimeout)(() => {
      if (once) pending.delete(timer);
      callback(...args);
    }, ms);
    pending.add(timer);
    return timer;
  };
  return Object.defineProperties(watching, Object.getOwnPropertyDescriptors(start)) as unknown as T;
}

function watchedEnd(end: typeof clearTimeout): typeof clearTimeout {
  return (timer) => {
    pending.delete(timer);
    end(timer);
  };
}

globalThis.setTimeout = watched(setTimeout, true);
globalThis.setInterval = watched(setInterval, false);
globalThis.clearTimeout = watchedEnd(clearTimeout);
globalThis.clearInterval = watchedEnd(clearInterval);

/** How many timers have neither fired nor been cleared since this file was loaded. */
export function pendingTimers(): number {
  return pending.size;
}
