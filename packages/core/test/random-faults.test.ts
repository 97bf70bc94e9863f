import { expect, test } from "@jest/globals";
import { runFaults, type Profile } from "./fault-model.js";

// More seeds: PAXOS_SEEDS=100000 PAXOS_FIRST_SEED=1 pnpm test random-faults
const seeds = Number(process.env["PAXOS_SEEDS"] ?? 25);
const first = Number(process.env["PAXOS_FIRST_SEED"] ?? 1);

const rough = {
  nodes: 3,
  steps: 1500,
  crash: 4,
  loseMessage: 100,
  doubleMessage: 50,
  reorder: 300,
  partition: 4,
  partitions: "random",
} as const satisfies Profile;
const duel = { ...rough, loseMessage: 10, partition: 8, partitions: "duel" } as const;
const profiles: Record<string, Profile> = {
  "three nodes, rough": rough,
  "three nodes, everything out of order": { ...rough, crash: 8, doubleMessage: 100, reorder: 900 },
  "three nodes, duel": duel,
  "five nodes, duel": { ...duel, nodes: 5, steps: 4000, partition: 4 },
  "three nodes, leapfrog": { ...duel, steps: 600, crash: 8, partitions: "leapfrog" },
  "two nodes, many crashes": { ...rough, nodes: 2, crash: 15 },
  "three nodes, snapshots": { ...rough, crash: 8, snapshot: 60 },
  "five nodes, snapshots": { ...rough, nodes: 5, steps: 3000, partition: 2, snapshot: 100 },
  "three nodes, changing members": { ...rough, steps: 3000, crash: 6, change: 150 },
  "three nodes, changing members, duel": { ...duel, steps: 3000, partition: 5, change: 150 },
  "three nodes, changing members and snapshots": {
    ...rough,
    steps: 3000,
    crash: 6,
    snapshot: 60,
    change: 150,
  },
  "five nodes, changing members": { ...rough, nodes: 5, steps: 9000, crash: 2, partition: 2, change: 150 },
  "one node, changing members": { ...rough, nodes: 1, change: 150 },
  "three nodes, snapshots out of order": { ...rough, doubleMessage: 100, reorder: 900, snapshot: 60 },
};

test.each(Object.entries(profiles))("random faults: %s", (name, profile) => {
  const total = {
    ordered: 0,
    acknowledged: 0,
    crashes: 0,
    partitions: 0,
    views: 0,
    snapshots: 0,
    installed: 0,
    epochs: 0,
    reads: 0,
  };
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      const summary = runFaults(seed, profile);
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += summary[key];
    } catch (error) {
      throw new Error(`seed ${seed} of "${name}": ${String(error)}`, { cause: error });
    }
  }
  // A run that does nothing proves nothing.
  expect(total.acknowledged).toBeGreaterThan(10 * seeds);
  expect(total.reads).toBeGreaterThan(10 * seeds);
  expect(total.crashes).toBeGreaterThan(2 * seeds);
  expect(total.views).toBeGreaterThan(2 * seeds);
  expect(total.epochs).toBeGreaterThanOrEqual(profile.change === undefined ? 0 : seeds);
  const wanted = profile.snapshot === undefined ? 0 : seeds;
  expect(total.snapshots).toBeGreaterThanOrEqual(3 * wanted);
  expect(total.installed).toBeGreaterThanOrEqual(wanted / 5);
});
