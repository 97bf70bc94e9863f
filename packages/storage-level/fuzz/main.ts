// Damages the files of stores in every place and looks at what is read from them:  pnpm run fuzz [--limit N] [--offset N]
//   [--store young|grown|tables|long-log] [--processes N]
// Ends with status 1 when something was read that was never there, or a process has died or hung.
import { parseArgs } from "node:util";
import { fuzz } from "./run.js";
import { storeKinds } from "./stores.js";

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} is "${text}"; it must be a whole number from 0 on\n`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    limit: { type: "string" },
    offset: { type: "string" },
    store: { type: "string", multiple: true },
    processes: { type: "string" },
  },
});
const limit = wholeNumber("limit", values.limit, Number.MAX_SAFE_INTEGER);
const offset = wholeNumber("offset", values.offset, 0);
const processes = Math.max(1, wholeNumber("processes", values.processes, 2));
const kinds = storeKinds.filter((kind) => values.store === undefined || values.store.includes(kind));

let found = 0;
for (const kind of kinds) {
  const start = performance.now();
  let done = 0;
  const { counts, wrong } = await fuzz({
    kind,
    limit,
    offset,
    processes,
    onVerdict: () => {
      if (++done % 5000 === 0) print(`${kind}: ${done} damages`);
    },
  });
  const seconds = (performance.now() - start) / 1000;
  print(`${kind}: ${done} damages in ${seconds.toFixed(0)} s`);
  for (const name of [...counts.keys()].sort()) print(`  ${name} ${counts.get(name)}`);
  for (const line of wrong) print(`WRONG ${line}`);
  found += wrong.length;
}
print(found === 0 ? "nothing found" : `${found} found`);
process.exit(found === 0 ? 0 : 1);
