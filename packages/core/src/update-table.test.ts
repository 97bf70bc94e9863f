import { expect, test } from "@jest/globals";
import { Random } from "./random.js";
import { UpdateTable } from "./update-table.js";

test("behaves as a map does, over thousands of operations, with keys of all sizes", () => {
  const random = new Random(1);
  const table = new UpdateTable<{ clientId: bigint; timestamp: bigint; at: number }>(7);
  const map = new Map<string, { clientId: bigint; timestamp: bigint; at: number }>();
  const clients = [1n, 2n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 64n - 1n];
  let most = 0;
  for (let at = 0; at < 40_000; at++) {
    const clientId = clients[random.between(0, clients.length - 1)] as bigint;
    // Runs of timestamps, some of them in the upper half, so that slots next to each other are taken.
    const timestamp = BigInt(random.between(1, 300)) << (random.between(0, 9) === 0 ? 32n : 0n);
    const key = `${clientId} ${timestamp}`;
    expect(table.get(clientId, timestamp)).toBe(map.get(key));
    // Long stretches of growing and of shrinking.
    const grows = random.between(0, 9) < (Math.floor(at / 8_000) % 2 === 0 ? 8 : 2);
    const known = map.get(key);
    if (grows && known === undefined) {
      const entry = { clientId, timestamp, at };
      table.add(entry);
      map.set(key, entry);
    }
    expect(grows ? known : table.remove(clientId, timestamp)).toBe(known);
    if (!grows) map.delete(key);
    most = Math.max(most, map.size);
    expect(table.size).toBe(map.size);
  }
  for (const entry of map.values()) expect(table.get(entry.clientId, entry.timestamp)).toBe(entry);
  expect(most).toBeGreaterThan(500);
  expect(new Set(table)).toEqual(new Set(map.values()));
  table.clear();
  expect([...table, table.size]).toEqual([0]);
});
