// The file of --resume: how far a hunt has come.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import type { Standing } from "./hunt.js";
import type { FreshSeeds } from "./plan.js";
import { noTotals } from "./totals.js";
import { UsageError } from "./usage-error.js";

/** Changes when an older file cannot be read any more. */
const FORMAT = 1;

/** What a hunt is for, whatever the number of threads and the time it may take. */
export interface Purpose extends Pick<FreshSeeds, "profiles" | "nodes"> {
  readonly from: number;
  /** Undefined: until stopped. */
  readonly runs?: number;
  readonly subject?: string;
}

/** What the file says. */
export interface Place {
  readonly purpose: Purpose;
  readonly standing: Standing;
}

/** A hunt that begins. */
export function beginning(): Standing {
  return { done: 0, totals: noTotals(), findings: [] };
}

/**
 * Reads where to go on. Undefined when there is no such file yet.
 *
 * @param wanted what the command line says. A `from` of undefined takes the file's.
 * @throws UsageError when the file is of another hunt, or no such file at all.
 */
export function readPlace(
  path: string,
  wanted: Omit<Purpose, "from"> & { readonly from: number | undefined },
): Place | undefined {
  const place = parse(path);
  if (place === undefined) return undefined;
  const { purpose } = place;
  const expected = plain({ ...wanted, from: wanted.from ?? purpose.from });
  const other = [...new Set([...Object.keys(expected), ...Object.keys(purpose)])].find(
    (name) => !isDeepStrictEqual(expected[name], plain(purpose)[name]),
  );
  if (other === undefined) return place;
  const [theirs, ours] = [plain(purpose), expected].map((all) => JSON.stringify(all[other]) ?? "not given");
  throw new UsageError(
    `${path} is of a run with other arguments: ${other} was ${theirs}, and is ${ours}; give the same, or remove the file to start anew`,
  );
}

/** Replaces the file at once or not at all. */
export function writePlace(path: string, { purpose, standing }: Place): void {
  const text = JSON.stringify({ format: FORMAT, purpose, ...standing });
  const next = `${path}.next`;
  try {
    writeFileSync(next, `${text}\n`);
    renameSync(next, path);
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
  }
}

function parse(path: string): Place | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    const { format, purpose, done, totals, findings } = JSON.parse(text) as {
      readonly format?: number;
      readonly purpose: Purpose;
    } & Standing;
    if (format === FORMAT) return { purpose, standing: { done, totals, findings } };
  } catch {
    // Not JSON, or not an object: said below.
  }
  throw new UsageError(
    `${path} is no file that --resume has written: name another one, or remove it to start anew`,
  );
}

function plain(value: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
}
