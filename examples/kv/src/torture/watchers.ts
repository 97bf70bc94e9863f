// Watchers beside the clients: each must be told every write that was acknowledged, once, in the one order.
import { KvClient, type KvProgress } from "../kv-client.js";

/** Watches everything from the beginning until the key `last` is written. All that it was told, progress without changes left out. */
export async function watchUntil(
  last: string,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<KvProgress[]> {
  const told: KvProgress[] = [];
  for await (const progress of new KvClient(urls).watch({ after: 0, signal })) {
    if (progress.changes.length > 0) told.push(progress);
    if (progress.changes.some(({ key }) => key === last)) return told;
  }
  throw new Error(`a watcher was not told the last write; it was told ${told.length} revisions`);
}

/** A write that was acknowledged: its version is the seq that watchers are told it with. */
export interface Acknowledged {
  readonly key: string;
  readonly value: string;
  readonly version: number;
}

/** What is wrong with what watchers were told; undefined when nothing is. */
export function judgeWatchers(
  told: readonly (readonly KvProgress[])[],
  writes: readonly Acknowledged[],
): string | undefined {
  for (const [i, those] of told.entries()) {
    const unordered = those.find(({ seq }, at) => seq <= (those[at - 1]?.seq ?? 0));
    if (unordered !== undefined)
      return `watcher ${i} was told seq ${unordered.seq} twice, or behind a later one`;
    const bySeq = new Map(those.map(({ seq, changes }) => [seq, changes]));
    for (const { key, value, version } of writes) {
      const found = bySeq
        .get(version)
        ?.some((change) => change.key === key && "value" in change && change.value === value);
      if (found !== true) return `watcher ${i} was not told that ${key} was ${value} at seq ${version}`;
    }
  }
  const [first = "", ...others] = told.map((those) => JSON.stringify(those));
  return others.every((other) => other === first) ? undefined : "watchers were told different things";
}
