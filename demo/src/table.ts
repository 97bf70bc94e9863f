// One line a node: who leads, and what each has ordered.
import { displayWidth, escapeControls, pad, truncate } from "./fit.js";
import type { LogEntry } from "./log-entry.js";
import { type Observation, describeRole } from "./observation.js";
import type { Palette } from "./palette.js";

const HEADER = ["node", "pid", "role", "view", "ARU"] as const;
const LAST = "last updates, the newest first";
const GAP = "  ";
const INDENT = "  ";

/** An update's text is cut to this many columns, so that several fit. */
const UPDATE_WIDTH = 24;

/** Lays the table out in at most `width` columns. */
export function formatTable(nodes: readonly Observation[], width: number, palette: Palette): string[] {
  const rows = nodes.map(cells);
  const widths = HEADER.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const layOut = (row: readonly string[]): string =>
    INDENT + row.map((cell, column) => pad(cell, widths[column] ?? 0, sideOf(column))).join(GAP) + GAP;
  const header = layOut(HEADER);
  // A full line would wrap on some terminals.
  const left = Math.max(0, width - 1 - header.length);
  return [
    palette.faint(header + truncate(LAST, left)),
    ...nodes.map((node, index) => {
      const line = layOut(rows[index] ?? []);
      return paintOf(node, palette)(line) + describeLast(node.last, left, palette);
    }),
  ];
}

function cells(node: Observation): string[] {
  const { nodeId, pid, status } = node;
  return [
    String(nodeId),
    pid === undefined ? "-" : String(pid),
    describeRole(node),
    status === undefined ? "-" : String(status.view),
    status === undefined ? "-" : String(status.localAru),
  ];
}

/** Numbers to be compared stand below each other. */
function sideOf(column: number): "left" | "right" {
  return HEADER[column] === "node" || HEADER[column] === "role" ? "right" : "left";
}

function paintOf(node: Observation, palette: Palette): (text: string) => string {
  switch (describeRole(node)) {
    case "leader":
      return palette.leader;
    case "down":
    case "silent":
      return palette.bad;
    default:
      return (text) => text;
  }
}

/** As many of the newest as fit. */
function describeLast(entries: readonly LogEntry[], width: number, palette: Palette): string {
  let line = "";
  let left = width;
  for (const { seq, update } of entries.toReversed()) {
    const text = truncate(escapeControls(Buffer.from(update).toString("utf8")), UPDATE_WIDTH);
    const before = line === "" ? "" : GAP;
    const item = `${seq}: `;
    const room = left - before.length - item.length;
    const shown = truncate(text, room);
    // The newest is shown however little fits of it.
    if (room <= 0 || (line !== "" && shown !== text)) break;
    line += before + palette.faint(item) + shown;
    left = room - displayWidth(shown);
  }
  return line;
}
