// Keeps in the catalogue which seeds find the bugs: they change whenever the simulator draws differently.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SearchResult } from "./search.js";

// Of the sources, from the sources and from what is built of them alike.
const folder = fileURLToPath(new URL("../../src/planted", import.meta.url));

/** Writes the profiles and seeds that found bugs into the sources. Returns how many changed. */
export function recordSeeds(results: readonly SearchResult[]): number {
  let changed = 0;
  for (const file of readdirSync(folder).filter((name) => name.startsWith("bugs-of-"))) {
    const path = join(folder, file);
    const before = readFileSync(path, "utf8");
    let text = before;
    for (const result of results) {
      const next = withSeed(text, result);
      if (next !== text) changed++;
      text = next;
    }
    if (text !== before) writeFileSync(path, text);
  }
  return changed;
}

/** A source of the catalogue, with what found the bug in it if it is there. */
export function withSeed(text: string, { bug, profile, seed, error }: SearchResult): string {
  const start = text.indexOf(`    name: "${bug}",\n`);
  if (start < 0 || seed === undefined || error !== undefined) return text;
  const rest = text
    .slice(start)
    .replace(/ profile: ".*",\n {4}seed: \d+,/, ` profile: "${profile}",\n    seed: ${seed},`);
  return text.slice(0, start) + rest;
}
