// The same seed gives the same run, event for event: twice in one process, with and without a transcript, and on
// every version of Node and every operating system: the digests in the file beside are compared everywhere.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "@jest/globals";
import { profileNames, simulate, type ProfileName, type SimulateOptions } from "../src/index.js";
import { Violation } from "../src/violation.js";
import { BuiltSimulator } from "./built.js";

const file = fileURLToPath(new URL("trace-hashes.json", import.meta.url));
const recorded = JSON.parse(readFileSync(file, "utf8")) as Partial<Record<ProfileName, string>>;
// After a change of the core or of the simulator: PAXOS_REWRITE=1 pnpm test determinism
const rewrites = process.env["PAXOS_REWRITE"] === "1";
const seed = 20_261_122;

/** Long enough for what every profile has to come. */
const long = { seed, nodes: 3, faultsUntilMs: 12_000 };

const built = new BuiltSimulator();
afterAll(() => built.close());

async function hashOf(options: Partial<SimulateOptions> & { profile: ProfileName }): Promise<string> {
  try {
    return (await simulate({ ...long, ...options })).traceHash;
  } catch (error) {
    // What is found must be found again; whether anything is, is not the question here.
    if (error instanceof Violation) return error.summary.traceHash;
    throw error;
  }
}

test.each(profileNames)("profile %s: the digest is the one recorded", async (name) => {
  // Seeds of their own: what is drawn once for a run, such as whether clients use the library, is drawn both ways.
  const hash = await built.digest({ ...long, profile: { name }, seed: seed + profileNames.indexOf(name) });
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  if (rewrites) recorded[name] = hash;
  expect(hash).toBe(recorded[name]);
});

test("the digests are recorded", () => {
  const sorted = Object.fromEntries(profileNames.map((name) => [name, recorded[name]]));
  if (rewrites) writeFileSync(file, `${JSON.stringify(sorted, undefined, 2)}\n`);
  expect(new Set(Object.keys(recorded))).toEqual(new Set(profileNames));
});

test("twice in one process, one after the other and side by side, and from what is built", async () => {
  const first = await hashOf({ profile: "hostile" });
  expect(await built.digest({ ...long, profile: { name: "hostile" } })).toBe(first);
  expect(await hashOf({ profile: "hostile" })).toBe(first);
  const runs = await Promise.all([hashOf({ profile: "hostile" }), hashOf({ profile: "hostile", seed: 7 })]);
  expect(runs[0]).toBe(first);
  expect(runs[1]).not.toBe(first);
});

test("with a transcript it is the same run, and the transcript is the same too", async () => {
  const transcripts = [[], []] as string[][];
  const hashes = [await hashOf({ profile: "duel" })];
  for (const lines of transcripts) {
    hashes.push(await hashOf({ profile: "duel", trace: (line) => lines.push(line) }));
  }
  expect(new Set(hashes).size).toBe(1);
  expect(transcripts[0]?.length).toBeGreaterThan(1000);
  expect(transcripts[1]).toEqual(transcripts[0]);
});

test("another seed, another number of nodes, a fault left out: another run", async () => {
  const changes = [{}, { seed: seed + 1 }, { seed: seed + 2 ** 32 }, { nodes: 5 }, { faults: [0, 1] }];
  const hashes = new Set<string>();
  for (const change of changes) {
    hashes.add(await built.digest({ ...long, profile: { name: "rough" }, ...change }));
  }
  expect(hashes.size).toBe(changes.length);
});
