/** The smallest value: the cost of the work when the machine's other tenants do not disturb it. */
export function lowest(values: readonly number[]): number {
  return Math.min(...values);
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Combines two series measured side by side, round by round. */
export function paired(
  a: readonly number[],
  b: readonly number[],
  combine: (a: number, b: number) => number,
): readonly number[] {
  return a.map((value, round) => combine(value, b[round] ?? Number.NaN));
}

/** The values in an order that starts elsewhere in each round, so that no value always follows the same one. */
export function rotated<T>(values: readonly T[], round: number): readonly T[] {
  const start = values.length === 0 ? 0 : round % values.length;
  return [...values.slice(start), ...values.slice(0, start)];
}

/** The value that so many hundredths of all values do not exceed. */
export function percentile(values: readonly number[], hundredths: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * hundredths) / 100) - 1)] ?? Number.NaN;
}
