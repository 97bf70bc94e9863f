// A process that damages copies of a store and opens them, one after the other: LevelDB may take the process with it, which
// must be told from an error.  worker.ts <directory> <from> <step>
import { writeSync } from "node:fs";
import { join } from "node:path";
import { allDamages, copyDamaged } from "./damages.js";
import { readTruth } from "./history.js";
import { judge } from "./judge.js";

/** What the process prints for each damage, a line each: the number of the damage, and this. */
export interface Verdict {
  readonly damage: number;
  readonly outcome: string;
  readonly detail: string;
}

const [directory = "", from = "0", step = "1"] = process.argv.slice(2);
const store = join(directory, "store");
const truth = await readTruth(join(directory, "truth"));
const damages = await allDamages(store);
const copy = join(directory, `copy-${process.pid}`);
for (let i = Number(from); i < damages.length; i += Number(step)) {
  const damage = damages[i];
  if (damage === undefined) break;
  // What is printed last is what was under way when the process died.
  writeSync(1, `${JSON.stringify({ damage: i, outcome: "begun", detail: "" } satisfies Verdict)}\n`);
  await copyDamaged(store, copy, damage);
  let verdict: Omit<Verdict, "damage">;
  try {
    verdict = await judge(copy, truth);
  } catch (error) {
    verdict = {
      outcome: "WRONG",
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
  writeSync(1, `${JSON.stringify({ damage: i, ...verdict } satisfies Verdict)}\n`);
}
