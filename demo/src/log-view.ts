// The nodes' logs side by side.
import { type NodeLog, compareLogs } from "./compare-logs.js";
import { escapeControls, truncate } from "./fit.js";
import type { LogEntry } from "./log-entry.js";
import type { Palette } from "./palette.js";

const INDENT = "  ";
const GAP = "  ";

export interface LogViewOptions {
  /** How many updates are shown. */
  readonly count: number;
  readonly nodeCount: number;
  /** Columns. */
  readonly width: number;
  readonly palette: Palette;
}

/** The last updates, who has them, and whether the logs are the same as far as each node has come. */
export function formatLogs(logs: readonly NodeLog[], options: LogViewOptions): string[] {
  const { count, nodeCount, width, palette } = options;
  if (logs.length === 0) return [palette.bad("no node is up: :restart one")];
  const bySeq = new Map<number, { entry: LogEntry; nodes: Set<number> }>();
  for (const { nodeId, entries } of logs) {
    for (const entry of entries) {
      const known = bySeq.get(entry.seq);
      if (known === undefined) bySeq.set(entry.seq, { entry, nodes: new Set([nodeId]) });
      else known.nodes.add(nodeId);
    }
  }
  const shown = [...bySeq.values()].toSorted((a, b) => a.entry.seq - b.entry.seq).slice(-count);
  const nodeIds = Array.from({ length: nodeCount }, (_, nodeId) => nodeId);
  const seqWidth = Math.max(3, ...shown.map(({ entry }) => String(entry.seq).length));
  const nodesWidth = Math.max(5, nodeIds.join(" ").length);
  const rows = shown.map(({ entry, nodes }) => {
    const seq = String(entry.seq).padStart(seqWidth);
    const marks = nodeIds.map((nodeId) => (nodes.has(nodeId) ? String(nodeId) : "."));
    const line = INDENT + seq + GAP + marks.join(" ").padEnd(nodesWidth) + GAP;
    const again = entry.duplicate ? " (ordered again by a retry, not executed)" : "";
    return (
      line +
      truncate(escapeControls(Buffer.from(entry.update).toString("utf8")) + again, width - 1 - line.length)
    );
  });
  const header = INDENT + "seq".padStart(seqWidth) + GAP + "nodes".padEnd(nodesWidth) + GAP + "update";
  return [palette.faint(header), ...rows, ...verdict(logs, palette)];
}

/** A node that is behind has done nothing wrong: only what all have reached is compared. */
function verdict(logs: readonly NodeLog[], palette: Palette): string[] {
  const reached = Math.min(...logs.map(({ entries }) => entries.at(-1)?.seq ?? 0));
  const common = logs.map(({ nodeId, entries }) => ({
    nodeId,
    entries: entries.filter(({ seq }) => seq <= reached),
  }));
  const differences = compareLogs(common);
  if (differences.length > 0) return differences.map((line) => palette.bad(line));
  const nodes = logs.map(({ nodeId }) => nodeId).join(", ");
  return [
    logs.length === 1
      ? `only node ${nodes} is up: there is nothing to compare its log with`
      : `the logs of nodes ${nodes} are ${palette.good("the same")}, entry by entry, up to seq ${reached}`,
  ];
}
