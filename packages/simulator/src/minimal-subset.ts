/**
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): a subset of `items`
 * that still fails, from which no single item can be left out.
 *
 * @param items what fails, in order.
 * @param fails whether a subset, in the same order, still fails. The answer false to all that is asked ends the search soon.
 */
export async function minimalSubset<T>(
  items: readonly T[],
  fails: (subset: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  if (items.length === 0 || (await fails([]))) return [];
  let failing = items;
  let parts = 2;
  while (failing.length >= 2) {
    const smaller = await firstFailing(failing, parts, fails);
    if (smaller !== undefined) {
      failing = smaller.subset;
      parts = Math.min(failing.length, smaller.parts);
    } else if (parts < failing.length) parts = Math.min(failing.length, parts * 2);
    else break;
  }
  return failing;
}

/** The first of so many parts that fails alone, else the first without which the rest fails. */
async function firstFailing<T>(
  items: readonly T[],
  parts: number,
  fails: (subset: readonly T[]) => Promise<boolean>,
): Promise<{ readonly subset: readonly T[]; readonly parts: number } | undefined> {
  const bounds = Array.from({ length: parts + 1 }, (_, part) => Math.floor((part * items.length) / parts));
  const pairs = bounds.slice(1).map((end, part) => [bounds[part] ?? 0, end] as const);
  for (const [start, end] of pairs) {
    const subset = items.slice(start, end);
    if (await fails(subset)) return { subset, parts: 2 };
  }
  // With two parts, the rest is the other part.
  if (parts === 2) return undefined;
  for (const [start, end] of pairs) {
    const subset = [...items.slice(0, start), ...items.slice(end)];
    if (await fails(subset)) return { subset, parts: parts - 1 };
  }
  return undefined;
}
