import { afterEach, beforeEach, describe } from "@jest/globals";
import type { TransportAdapter } from "./adapter.js";
import { Endpoints } from "./endpoints.js";
import { pendingTimers } from "./timers.js";
import { until } from "./until.js";

/** A part of the suite: its tests get what they need from `endpoints`. After each of them nothing may be left open. */
export function describeSubject(
  subject: string,
  adapter: TransportAdapter,
  register: (endpoints: Endpoints) => void,
): void {
  describe(subject, () => {
    const endpoints = new Endpoints(adapter);
    let before = 0;
    beforeEach(() => {
      before = openResources(adapter);
    });
    afterEach(async () => {
      await endpoints.close();
      await until(() => openResources(adapter) <= before, "no socket, server or timer is left");
    });
    register(endpoints);
  });
}

/** Everything that would keep this process from ending, and every timer, whether it would or not. */
export function openResources(adapter: TransportAdapter): number {
  const known = process
    .getActiveResourcesInfo()
    .filter((name) => name.startsWith("TCP") || name === "Timeout");
  return known.length + pendingTimers() + (adapter.open?.() ?? 0);
}
