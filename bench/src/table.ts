// Tables for terminals and for Markdown.

/** Numbers stand to the right; NaN, what was not measured, is a dash. */
export type Cell = string | number;

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export function printTable({ title, columns, rows }: Table): void {
  console.log(`\n${title}\n`);
  printRows([columns, ...rows]);
}

/** Prints rows, of which the first is the head. */
export function printRows(rows: readonly (readonly Cell[])[]): void {
  const text = rows.map((row) => row.map(show));
  const widths = (text[0] ?? []).map((_, i) => Math.max(...text.map((row) => row[i]?.length ?? 0)));
  for (const row of text.keys()) {
    const cells = (text[row] ?? []).map((cell, i) => {
      const width = widths[i] ?? 0;
      return isNumeric(rows, i) ? cell.padStart(width) : cell.padEnd(width);
    });
    console.log(cells.join("  ").trimEnd());
  }
}

export function toMarkdown({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = columns.map((_, i) => (isNumeric([columns, ...rows], i) ? "---:" : "---"));
  return [`**${title}**`, "", line(columns), line(rule), ...rows.map((row) => line(row.map(show))), ""].join(
    "\n",
  );
}

function isNumeric(rows: readonly (readonly Cell[])[], column: number): boolean {
  return rows.slice(1).some((row) => typeof row[column] === "number");
}

/** Three digits that say something, or all of those before the point. */
function show(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (Number.isNaN(cell)) return "-";
  if (cell >= 100) return Math.round(cell).toLocaleString("en-US");
  return cell.toFixed(cell >= 10 ? 1 : 2);
}
