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
