import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { allDamages, describeDamage, type Damage } from "./damages.js";
import { writeTruth, type Truth } from "./history.js";
import { judge } from "./judge.js";
import { makeStore, type StoreKind } from "./stores.js";
import type { Verdict } from "./worker.js";

/** What to damage, and how much. */
export interface FuzzOptions {
  readonly kind: StoreKind;
  /** How many processes. */
  readonly processes: number;
  /** How many damages to do, evenly spread, from the one at `offset` on. Absent: all. */
  readonly limit?: number;
  readonly offset?: number;
  readonly onVerdict?: (damage: Damage, outcome: string) => void;
}

/** What came of it. */
export interface FuzzResult {
  /** How often, by file kind and damage. */
  readonly counts: ReadonlyMap<string, number>;
  /** What must not be: damage and what happened. */
  readonly wrong: readonly string[];
}

/** After this long without an answer a process hangs; long, since the machine may be busy. */
const patienceMs = 180_000;

/** Makes a store, damages copies of it in other processes, and sums up what came of it. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  // In memory, where there is such a place: nothing here depends on a disk but the time it takes.
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const directory = await mkdtemp(join(place, "paxos-storage-fuzz-"));
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  try {
    const store = join(directory, "store");
    const truth = await makeStore(options.kind, store);
    await writeTruth(join(directory, "truth"), truth);
    await requireIntact(store, join(directory, "undamaged"), truth);
    const damages = await allDamages(store);
    const take = ({ damage, outcome, detail }: Verdict): void => {
      const done = damages[damage];
      if (done === undefined) throw new Error(`no damage ${damage}`);
      const isWrong = !/^(intact|lost-tail|StorageError|ConfigError)$/.test(outcome);
      if (isWrong) wrong.push(`${options.kind}, ${describeDamage(done)}: ${outcome} ${detail}`);
      const name = `${fileKind(done.file)} ${done.kind}: ${outcome}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      options.onVerdict?.(done, outcome);
    };
    const every = Math.max(1, Math.floor(damages.length / (options.limit ?? Infinity)));
    const step = every * options.processes;
    const worker = async (index: number): Promise<void> => {
      let next = ((options.offset ?? 0) % every) + index * every;
      while (next < damages.length) next = (await runWorker(directory, next, step, take)) + step;
    };
    await Promise.all(Array.from({ length: options.processes }, (_, index) => worker(index)));
    return { counts, wrong };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What is not damaged must be found so, or all the rest says nothing. */
async function requireIntact(store: string, copy: string, truth: Truth): Promise<void> {
  await cp(store, copy, { recursive: true });
  const { outcome, detail } = await judge(copy, truth);
  if (outcome !== "intact") throw new Error(`undamaged, it is ${outcome} ${detail}`);
}

/** Runs a process until it ends, dies or hangs. Gives the last damage that it has done. */
async function runWorker(
  directory: string,
  from: number,
  step: number,
  take: (verdict: Verdict) => void,
): Promise<number> {
  const register = new URL("../test/register-typescript.mjs", import.meta.url).href;
  const options = ["--conditions=@paxos/source", "--disable-warning=DEP0205", "--import", register];
  const script = fileURLToPath(new URL("worker.ts", import.meta.url));
  const child = spawn(process.execPath, [...options, script, directory, String(from), String(step)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  let last = from;
  let underWay = false;
  let hangs = false;
  const arm = () =>
    setTimeout(() => {
      hangs = true;
      child.kill("SIGKILL");
    }, patienceMs);
  let timer = arm();
  const exited = once(child, "close");
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(timer);
    timer = arm();
    const verdict = JSON.parse(line) as Verdict;
    underWay = verdict.outcome === "begun";
    last = verdict.damage;
    if (!underWay) take(verdict);
  }
  clearTimeout(timer);
  const [code, signal] = (await exited) as [number | null, string | null];
  if (code === 0) return Infinity;
  if (!underWay) throw new Error(`the process ended with ${code ?? signal}: ${errors}`);
  take({ damage: last, outcome: hangs ? "HANG" : "CRASH", detail: `${code ?? signal} ${errors}` });
  return last;
}

function fileKind(file: string): string {
  return file.replace(/\d{6}/, "*").replace(/^LOG[.]old$/, "LOG");
}
