// The figures of a benchmark, for people and for programs.
import { type BenchFigures, QUANTILES } from "./bench-load.js";
import type { BenchFlags } from "./invocation.js";
import { grouped } from "./status-report.js";
import { table } from "./table.js";

const MIB = 1_048_576;

export function benchLines(figures: BenchFigures, flags: BenchFlags): string[] {
  const { ordered, seconds, latencyMs, failed, errors } = figures;
  const { updatesPerSecond, mibPerSecond } = throughputOf(figures, flags);
  const { inFlight } = flags;
  const clients =
    flags.clients === 1
      ? `1 client with ${inFlight} in flight`
      : `${flags.clients} clients with ${inFlight} in flight each`;
  const lines = [
    `${grouped(ordered)} updates of ${grouped(flags.size)} bytes in ${seconds.toFixed(2)} s, ${clients}`,
    `throughput  ${grouped(Math.round(updatesPerSecond))} updates/s, ${mibPerSecond.toFixed(2)} MiB/s`,
  ];
  if (latencyMs !== undefined) {
    const head = ["latency", ...QUANTILES, ""];
    const row = ["", ...QUANTILES.map((quantile) => milliseconds(latencyMs[quantile])), "ms"];
    const cells = [head, row].map((texts) => texts.map((text) => ({ text })));
    lines.push(...table(cells, { toTheRight: new Set([1, 2, 3, 4, 5, 6]) }));
  }
  if (failed > 0) {
    const counts = Object.entries(errors).map(([code, count]) => `${grouped(count)} ${code}`);
    lines.push(`failed      ${grouped(failed)}: ${counts.join(", ")}`);
  }
  return lines;
}

export function benchJson(figures: BenchFigures, flags: BenchFlags, interrupted: boolean): object {
  const { seconds, ordered, failed, latencyMs = null, errors } = figures;
  const { size, clients, inFlight } = flags;
  return {
    ordered,
    failed,
    seconds,
    ...throughputOf(figures, flags),
    latencyMs,
    errors,
    size,
    clients,
    inFlight,
    interrupted,
  };
}

function throughputOf(
  { ordered, seconds }: BenchFigures,
  { size }: BenchFlags,
): { updatesPerSecond: number; mibPerSecond: number } {
  const updatesPerSecond = seconds === 0 ? 0 : ordered / seconds;
  return { updatesPerSecond, mibPerSecond: (updatesPerSecond * size) / MIB };
}

/** With three digits that count. */
export function milliseconds(ms: number): string {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}
