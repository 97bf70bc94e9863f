import type { Profile } from "./profile.js";

/** @throws RangeError naming the first field that is not allowed, and what is. */
export function validateProfile(profile: Profile): void {
  const { name, nodes, faultsMs, everyMs, faults, partitions, clients, clockRate } = profile;
  const refuse = (field: string, value: unknown, allowed: string): never => {
    throw new RangeError(`profile ${name}: ${field} is ${JSON.stringify(value)}; allowed is ${allowed}`);
  };
  if (nodes.length === 0 || !nodes.every((count) => Number.isInteger(count) && count >= 1 && count <= 9)) {
    refuse("nodes", nodes, "one or more integers from 1 to 9");
  }
  const range = (field: string, value: readonly [number, number], least: number): void => {
    const [low, high] = value;
    const allowed = `two integers, ${least} or more, the lower first`;
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || low < least || high < low) {
      refuse(field, value, allowed);
    }
  };
  range("faultsMs", faultsMs, 0);
  range("everyMs", everyMs, 1);
  range("clockRate", clockRate, 1);
  if (profile.sessionClients !== undefined && profile.sessionClients < 1)
    refuse("sessionClients", profile.sessionClients, "an integer, 1 or more");
  range("clients.clients", clients.clients, 1);
  range("clients.thinkMs", clients.thinkMs, 0);
  range("clients.timeoutMs", clients.timeoutMs, 1);
  const weights = (field: string, value: Readonly<Record<string, number>>, needed: boolean): void => {
    const all = Object.values(value);
    if (!all.every((weight) => Number.isInteger(weight) && weight >= 0))
      refuse(field, value, "integers, 0 or more");
    if (needed && !all.some((weight) => weight > 0)) refuse(field, value, "at least one weight above 0");
  };
  weights("faults", faults, Object.keys(faults).length > 0);
  weights("partitions", partitions, (faults.partition ?? 0) > 0);
}
