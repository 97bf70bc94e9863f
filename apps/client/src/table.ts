// Text in columns.

/** A cell, and how it is coloured. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

export interface TableLayout {
  /** Spaces between columns. Default 2. */
  readonly gap?: number;
  /** Columns, from 0, whose cells stand at the right, as numbers do. */
  readonly toTheRight?: ReadonlySet<number>;
}

/** Lays rows out in columns. The last column is not padded. */
export function table(rows: readonly (readonly Cell[])[], layout: TableLayout = {}): string[] {
  const { gap = 2, toTheRight } = layout;
  const widths = columnWidths(rows);
  return rows.map((row) => {
    const cells = row.map(({ text, paint }, column) => {
      const fill = " ".repeat((widths[column] ?? 0) - text.length);
      const painted = text === "" || paint === undefined ? text : paint(text);
      return toTheRight?.has(column) === true ? fill + painted : painted + fill;
    });
    return cells.join(" ".repeat(gap)).trimEnd();
  });
}

/** How wide the table is without colours. */
export function tableWidth(rows: readonly (readonly Cell[])[], gap: number): number {
  const widths = columnWidths(rows);
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1);
}

function columnWidths(rows: readonly (readonly Cell[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, { text }] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, text.length);
  }
  return widths;
}

/** Breaks text between words into lines of at most `width` characters; a longer word stands alone. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
