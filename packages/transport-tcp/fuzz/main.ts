// Looks for bytes that an accepted connection cannot cope with, and for answers that go astray:  pnpm run fuzz [--runs N] [--seed N]
// Ends with status 1 and the input when it finds some; the input is then kept in found-inputs.txt, which tests replay.
import { parseArgs } from "node:util";
import fc, { type RunDetails } from "fast-check";
import { checkAnswers, steps } from "./answers.js";
import { check } from "./check.js";
import { inputs } from "./conversation.js";
import { appendFoundInput, formatInput } from "./found-inputs.js";

const runsPerBatch = 10_000;

/** What the heap may have grown by at the end, since the end of the first batch. */
const maxGrowthBytes = 8 * 1024 * 1024;

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

/** Ends the program when something was found. */
function endIfFailed<T>(
  { failed, counterexample, errorInstance, counterexamplePath }: RunDetails<[T]>,
  seed: number,
  keep: (input: T, why: string) => void,
): void {
  if (!failed) return;
  const why = errorInstance instanceof Error ? errorInstance.message : "it failed";
  print(`seed ${seed}, path ${counterexamplePath}: ${why}`);
  if (counterexample !== null) keep(counterexample[0], why);
  process.exit(1);
}

print(`${runs} inputs from seed ${firstSeed} on`);
let before = 0;
let after = 0;
const start = performance.now();
for (let done = 0, seed = firstSeed; done < runs; seed++) {
  const numRuns = Math.min(runsPerBatch, runs - done);
  const ofAnswers = Math.ceil(numRuns / 10);
  endIfFailed(
    fc.check(fc.property(inputs, check), { seed, numRuns: numRuns - ofAnswers }),
    seed,
    (input, why) => {
      print(formatInput(input));
      appendFoundInput(input, why);
    },
  );
  const answers = fc.asyncProperty(steps, checkAnswers);
  endIfFailed(await fc.check(answers, { seed, numRuns: ofAnswers }), seed, (found) =>
    print(fc.stringify(found)),
  );
  done += numRuns;
  // What connections put off to the end of the turn is done now.
  await new Promise((resolve) => setImmediate(resolve));
  after = heapBytes();
  // The first inputs have code compiled and caches filled; that is no growth.
  if (before === 0) before = after;
  if (done % 100_000 < numRuns || done === runs) {
    const perSecond = Math.round(done / ((performance.now() - start) / 1000));
    print(`${done} inputs, ${perSecond} /s, heap ${mebibytes(after)}`);
  }
}
const heap = `heap ${mebibytes(before)} after the first ${Math.min(runs, runsPerBatch)}, ${mebibytes(after)} after all`;
if (after - before > maxGrowthBytes) {
  print(`memory grows: ${heap}; at most ${mebibytes(maxGrowthBytes)} more are allowed`);
  process.exit(1);
}
print(`nothing found; ${heap}`);
