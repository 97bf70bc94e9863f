// Looks for bytes that an accepted connection cannot cope with:  pnpm run fuzz [--runs N] [--seed N]
// Ends with status 1 and the input when it finds some; the input is then kept in found-inputs.txt, which tests replay.
import { parseArgs } from "node:util";
import fc from "fast-check";
import { check } from "./check.js";
import { inputs } from "./conversation.js";
import { appendFoundInput, formatInput } from "./found-inputs.js";

const runsPerBatch = 10_000;

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} is "${text}"; it must be a whole number from 0 on\n`);
  process.exit(2);
}

/** Bytes in use, once what can be collected is. */
function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

const { values } = parseArgs({ options: { runs: { type: "string" }, seed: { type: "string" } } });
const runs = wholeNumber("runs", values.runs, 1_000_000);
const firstSeed = wholeNumber("seed", values.seed, Math.floor(Math.random() * 2 ** 31));

print(`${runs} inputs from seed ${firstSeed} on`);
let before = 0;
const start = performance.now();
for (let done = 0, seed = firstSeed; done < runs; seed++) {
  const numRuns = Math.min(runsPerBatch, runs - done);
  const result = fc.check(fc.property(inputs, check), { seed, numRuns });
  if (result.failed) {
    const [input] = result.counterexample ?? [];
    const why = result.errorInstance instanceof Error ? result.errorInstance.message : "it failed";
    print(`seed ${seed}, path ${result.counterexamplePath}: ${why}`);
    if (input !== undefined) {
      print(formatInput(input));
      appendFoundInput(input, why);
    }
    process.exit(1);
  }
  done += numRuns;
  // What connections put off to the end of the turn is done now.
  await new Promise((resolve) => setImmediate(resolve));
  // The first inputs have code compiled and caches filled; that is no growth.
  if (before === 0) before = heapBytes();
  if (done % 100_000 < numRuns || done === runs) {
    const perSecond = Math.round(done / ((performance.now() - start) / 1000));
    print(`${done} inputs, ${perSecond} /s, heap ${mebibytes(heapBytes())}`);
  }
}
print(
  `nothing found; heap ${mebibytes(before)} after the first ${Math.min(runs, runsPerBatch)}, ${mebibytes(heapBytes())} after all`,
);
