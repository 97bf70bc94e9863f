// What a search tells people.
import { grouped } from "../quantities.js";
import { layOut } from "../table.js";
import type { PlantedBug } from "./planted-bug.js";
import type { SearchResult } from "./search.js";

const COLUMNS = ["bug", "profile", "seeds", "found by", "what it found"];

/** A line for each bug, no wider than `columns`, and a line on all of them. */
export function searchReport(
  results: readonly SearchResult[],
  { known, columns = Infinity }: { readonly known: boolean; readonly columns?: number | undefined },
): string[] {
  const rows = results.map((result) => [
    result.bug,
    result.profile,
    grouped(result.seeds),
    result.error !== undefined ? "ERROR" : (result.checker ?? "NOT FOUND"),
    firstWords(result.error ?? result.finding ?? ""),
  ]);
  const laidOut = layOut([COLUMNS, ...rows], (column) => COLUMNS[column] === "seeds");
  const table = laidOut.map((line) => line.slice(0, Math.max(0, columns - 1)).trimEnd());
  const errors = results.flatMap(({ bug, error }) => (error === undefined ? [] : [`${bug}: ${error}`]));
  return [...table, "", ...errors, summary(results, known)];
}

/** Names, and what they break. */
export function listing(bugs: readonly PlantedBug[]): string[] {
  return bugs.flatMap(({ name, breaks, profile, seed }) => [`${name} (${profile} ${seed})`, `  ${breaks}`]);
}

/** Whether the simulator itself is as it should be: every bug was found. */
export function allFound(results: readonly SearchResult[], bugs: readonly PlantedBug[]): boolean {
  return results.length === bugs.length && results.every(isFound);
}

/** For a terminal: what is being tried, no wider than it. */
export function progressLine(
  found: number,
  of: number,
  current: ReadonlyMap<string, number>,
  columns: number,
) {
  const tried = [...current].map(([name, seeds]) => `${name} ${grouped(seeds)}`).join(", ");
  const line = `${grouped(found)}/${grouped(of)} done; seeds tried: ${tried}`;
  return line.slice(0, Math.max(0, columns - 1));
}

function summary(results: readonly SearchResult[], known: boolean): string {
  const found = results.filter(isFound);
  const seeds = found.map((result) => result.seeds).sort((a, b) => a - b);
  const parts = [`${grouped(found.length)} of ${grouped(results.length)} found`];
  // Known seeds say nothing of how long a search takes.
  if (seeds.length > 0 && !known) {
    parts.push(`seeds until found: median ${grouped(median(seeds))}, most ${grouped(seeds.at(-1) ?? 0)}`);
  }
  return parts.join("; ");
}

function isFound({ checker, error }: SearchResult): boolean {
  return checker !== undefined && error === undefined;
}

function median(ascending: readonly number[]): number {
  return ascending[ascending.length >> 1] ?? 0;
}

function firstWords(text: string): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length <= 60 ? line : `${line.slice(0, 59).trimEnd()}…`;
}
