// Columns of text.

/** Lays rows out below each other: the first column to the left, the others, which are numbers, to the right. */
export function layOut(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
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
