/** A column's heading and the alignment of its cells. */
export interface Column {
  readonly heading: string;
  readonly align?: 'left' | 'right';
}

/** A Markdown table with aligned source, ready to be pasted. */
export function markdownTable(columns: readonly Column[], rows: ReadonlyArray<readonly string[]>): string {
  const cellsOf = (index: number) => [columns[index]?.heading ?? '', ...rows.map((row) => row[index] ?? '')];
  const widths = columns.map((_, index) => Math.max(4, ...cellsOf(index).map((cell) => cell.length)));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const padded = (cells: readonly string[]) =>
    columns.map(({ align }, index) => {
      const cell = cells[index] ?? '';
      const width = widths[index] ?? 0;
      return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
    });
  const rule = columns.map(({ align }, index) => {
    const dashes = '-'.repeat((widths[index] ?? 4) - 1);
    return align === 'right' ? `${dashes}:` : `${dashes}-`;
  });
  return [
    line(padded(columns.map(({ heading }) => heading))),
    line(rule),
    ...rows.map((row) => line(padded(row))),
  ].join('\n');
}
