// Clients and faults on real processes, and the judgement of what the clients saw.
import { judge, type KvCall } from "./history.js";
import { KvClient, type Consistency } from "../kv-client.js";
import { makeTrouble, type FaultCounts } from "./faults.js";
import { judgeWatchers, watchUntil } from "./watchers.js";
import { useStore } from "./clients.js";
import { Processes, type TransportName } from "./processes.js";

/** So many watch beside the clients. */
const WATCHERS = [0, 1, 2];

/** The key that is written at the end, so that watchers know that they have seen everything. */
const LAST = "the last one";

const PATIENCE_MS = 20_000;

export interface TortureOptions {
  /** For the servers' data; the caller's to remove. */
  readonly directory: string;
  readonly transport: TransportName;
  readonly clients: number;
  readonly seconds: number;
  /** How many servers are replaced by new ones at most. */
  readonly replacements: number;
  /** Local reads are not linearizable: with them the judgement must fail, sooner or later. */
  readonly consistency: Consistency;
}

export interface TortureResult {
  readonly calls: readonly KvCall[];
  readonly faults: FaultCounts;
  /** How much watchers were told. */
  readonly revisions: number;
  /** What is wrong with the history, or with what watchers were told; undefined when it is linearizable and they were told everything. */
  readonly problem: string | undefined;
}

export async function torture(options: TortureOptions): Promise<TortureResult> {
  const { directory, transport, clients, seconds, replacements, consistency } = options;
  await using cluster = await Processes.start(directory, transport, replacements);
  const over = AbortSignal.timeout(seconds * 1_000);
  // Whatever fails ends all the rest.
  const failed = new AbortController();
  const signal = AbortSignal.any([over, failed.signal]);
  const stopAll = (error: unknown): never => {
    failed.abort();
    throw error;
  };
  const { urls } = cluster;
  const watching = WATCHERS.map(() => watchUntil(LAST, urls, failed.signal).catch(stopAll));
  const [faults, ...experiences] = await Promise.all([
    makeTrouble(cluster, { signal, replacements }).catch(stopAll),
    ...Array.from({ length: clients }, (_, process) =>
      useStore(process, urls, { signal, consistency }).catch(stopAll),
    ),
  ]);
  await new KvClient(urls).put(LAST, "");
  const late = setTimeout(() => failed.abort(), PATIENCE_MS);
  const told = await Promise.all(watching);
  clearTimeout(late);
  const calls = experiences.flatMap((experience) => experience.calls);
  const problem =
    judge(calls) ??
    judgeWatchers(
      told,
      experiences.flatMap(({ writes }) => writes),
    );
  return { calls, faults, revisions: told[0]?.length ?? 0, problem };
}
