// Reads beside updates: the same cluster, the same client library, the same number under way, by turns.
import { PipelinedLoad, type Window } from "./pipelined-load.js";
import { printJson, verdict } from "./report.js";
import { medianOf } from "./statistics.js";
import { printRows } from "./table.js";
import { Servers } from "./servers.js";
import { newClientTransport, type TransportName } from "./transports.js";

export interface ReadsOptions {
  readonly transport: TransportName;
  readonly updateBytes: number;
  readonly inFlight: readonly number[];
  readonly seconds: number;
  readonly runs: number;
  readonly onProgress: (what: string) => void;
}

interface Sample {
  readonly inFlight: number;
  readonly updates: Window;
  readonly reads: Window;
  /** How far the order has come while nobody did anything but read. */
  readonly orderedDuringReads: number;
}

export interface ReadsResult {
  readonly transport: TransportName;
  readonly samples: readonly Sample[];
}

const target = 1.5;

export async function benchReads(options: ReadsOptions): Promise<ReadsResult> {
  const { transport, inFlight, runs, onProgress } = options;
  const client = newClientTransport(transport);
  const servers = await Servers.start({ count: 3, transport, client });
  const samples: Sample[] = [];
  try {
    // Programs that have just started are slow.
    await measure(servers, options, 64, false);
    await measure(servers, options, 64, true);
    for (let run = 1; run <= runs; run++) {
      for (const count of inFlight) {
        const updates = await measure(servers, options, count, false);
        const before = await lastSeq(servers);
        const reads = await measure(servers, options, count, true);
        samples.push({
          inFlight: count,
          updates,
          reads,
          orderedDuringReads: (await lastSeq(servers)) - before,
        });
        onProgress(
          `run ${run} of ${runs}, ${count} in flight: ${updates.perSecond} updates/s, ${reads.perSecond} reads/s`,
        );
      }
    }
    return { transport, samples };
  } finally {
    await client.close();
    await servers.stop();
  }
}

async function measure(
  servers: Servers,
  { transport, updateBytes, seconds }: ReadsOptions,
  inFlight: number,
  reads: boolean,
): Promise<Window> {
  const load = new PipelinedLoad({ addresses: servers.addresses, transport, updateBytes, inFlight, reads });
  try {
    await load.measure(1);
    return await load.measure(seconds);
  } finally {
    await load.stop();
  }
}

async function lastSeq(servers: Servers): Promise<number> {
  return Number((await servers.status(await servers.leader()))?.localAru ?? 0n);
}

export function reportReads(result: ReadsResult, json: boolean): void {
  if (json) return printJson(result);
  const { transport, samples } = result;
  console.log(`three servers over ${transport}, storage on disk, one client; medians of the runs\n`);
  const counts = [...new Set(samples.map(({ inFlight }) => inFlight))];
  const rows = counts.map((count) => {
    const ofCount = samples.filter(({ inFlight }) => inFlight === count);
    const median = (value: (sample: Sample) => number) => medianOf(ofCount.map(value));
    return {
      count,
      updates: median(({ updates }) => updates.perSecond),
      reads: median(({ reads }) => reads.perSecond),
      ratio: median(({ updates, reads }) => reads.perSecond / updates.perSecond),
      p50: median(({ reads }) => reads.p50),
      p99: median(({ reads }) => reads.p99),
    };
  });
  printRows([
    ["in flight", "updates/s", "reads/s", "ratio", "p50 of reads, ms", "p99, ms"],
    ...rows.map(({ count, updates, reads, ratio, p50, p99 }) => [
      `${count}`,
      updates,
      reads,
      ratio,
      p50,
      p99,
    ]),
  ]);
  const ordered = samples.reduce((sum, sample) => sum + sample.orderedDuringReads, 0);
  console.log(`\nordered while there were only reads: ${ordered}`);
  const met = Math.max(...rows.map(({ ratio }) => ratio)) >= target;
  console.log(`target: ${target} times as many reads as updates, each at its best: ${verdict(met)}`);
}
