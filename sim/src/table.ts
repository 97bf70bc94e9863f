// Columns of text.

/**
 * Lays rows out below each other.
 *
 * @param isNumber which columns stand to the right.
 */
export function layOut(
  rows: readonly (readonly string[])[],
  isNumber: (column: number) => boolean,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join("  ").trimEnd();
  });
}

/** Lists things, separated by commas, in lines of at most so many columns, unless one thing alone is longer. */
export function wrapList(things: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  things.forEach((thing, index) => {
    const item = index === things.length - 1 ? thing : `${thing},`;
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + item.length <= columns)
      lines[lines.length - 1] = `${last} ${item}`;
    else lines.push(item);
  });
  return lines;
}
