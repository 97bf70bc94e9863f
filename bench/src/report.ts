/** How often something happened per second since `started` (a reading of performance.now). */
export function rate(count: number, started: number): number {
  return Math.round((count * 1000) / (performance.now() - started));
}

/** The value below which the share `p` of the sorted samples lies. */
export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

/** Least, median, 90th percentile and most of samples, in any order. */
export function spread(samples: readonly number[]): [min: number, median: number, p90: number, max: number] {
  const sorted = samples.toSorted((a, b) => a - b);
  return [
    sorted[0] ?? Number.NaN,
    percentile(sorted, 0.5),
    percentile(sorted, 0.9),
    sorted.at(-1) ?? Number.NaN,
  ];
}

export function medianOf(samples: readonly number[]): number {
  const [, median] = spread(samples);
  return median;
}

/** Whether a target is met, for people. */
export const verdict = (met: boolean): string => (met ? "met" : "MISSED");

export function printJson(result: unknown): void {
  console.log(JSON.stringify(result));
}

/** Prints rows as a table, numbers to the right. */
export function printTable(rows: readonly (readonly (string | number)[])[]): void {
  const text = rows.map((row) => row.map((cell) => (typeof cell === "number" ? format(cell) : cell)));
  const widths = (text[0] ?? []).map((_, i) => Math.max(...text.map((row) => row[i]?.length ?? 0)));
  for (const [r, row] of text.entries()) {
    const cells = row.map((cell, i) => {
      const width = widths[i] ?? 0;
      return r === 0 || typeof rows[r]?.[i] !== "number" ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(cells.join("  ").trimEnd());
  }
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}
