import type { ModeReport } from './campaign.js';
import type { RefusalsReport } from './refusals/refusal-campaign.js';
import { CALLERS, PROCESSES, type RoundsReport } from './rounds.js';

/** The totals that decide. */
export interface SoakTotals {
  readonly faults: number;
  readonly lost: number;
  readonly wronglyDead: number;
  readonly extraCalls: number;
}

export function totalsOf(
  modes: readonly ModeReport[],
  rounds: readonly RoundsReport[],
  refusals: readonly RefusalsReport[] = [],
): SoakTotals {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    faults: sum([...modes, ...refusals].map(({ faults }) => faults)),
    lost: sum([...modes, ...refusals].map(({ lost }) => lost)),
    wronglyDead: sum([...modes, ...refusals].map(({ wronglyDead }) => wronglyDead)),
    extraCalls: sum([...modes, ...rounds].map(({ extraCalls }) => extraCalls)),
  };
}

/** What of it breaks a promise; empty when nothing does. */
export function brokenPromises(
  { faults, lost, wronglyDead, extraCalls }: SoakTotals,
  modes: readonly ModeReport[],
  rounds: readonly RoundsReport[],
): string[] {
  const broken: string[] = [];
  if (lost > 0) broken.push('a grant was lost');
  if (wronglyDead > 0) broken.push('a living grant was called dead');
  if (extraCalls > faults) broken.push('more extra calls than faults');
  if (modes.some(({ crashes }) => crashes > 0)) broken.push('a process ended by itself');
  if (rounds.some((round) => round.exact < round.rounds)) broken.push('a round without faults was not exact');
  return broken;
}

/** The last line of a run. */
export function lastLine({ faults, lost, wronglyDead, extraCalls }: SoakTotals): string {
  return `faults ${faults} lost ${lost} wrongly-dead ${wronglyDead} extra-calls ${extraCalls}`;
}

export function roundsTable(reports: readonly RoundsReport[]): string {
  return table(
    [
      `${PROCESSES} processes x ${CALLERS} callers`,
      'rounds',
      '1 call, 1 token',
      'extra calls',
      'failed callers',
      'ms, median',
    ],
    reports.map(({ mode, rounds, exact, extraCalls, failedCallers, wallMs }) => {
      const medianMs = wallMs.toSorted((a, b) => a - b)[wallMs.length >> 1] ?? Number.NaN;
      return [mode, rounds, exact, extraCalls, failedCallers, Math.round(medianMs)];
    }),
  );
}

export function faultsTable(reports: readonly ModeReport[]): string {
  return table(
    [
      'mode',
      'faults',
      'grants',
      'expiries',
      'calls',
      'extra calls',
      'lost',
      'lost, reply did not arrive',
      'wrongly dead',
    ],
    reports.map((report) => [
      report.mode,
      report.faults,
      report.grants,
      report.expiries,
      report.calls,
      report.extraCalls,
      report.lost,
      report.lostBeyondPromise,
      report.wronglyDead,
    ]),
  );
}

export function refusalsTable(reports: readonly RefusalsReport[]): string {
  return table(
    ['', 'faults', 'grants', 'really ended', 'told', 'ms until told, median', 'lost', 'wrongly dead', 'plans broken'],
    reports.map(({ faults, grants, ended, told, toldMedianMs, lost, wronglyDead, brokenPlans }) => [
      'refusals',
      faults,
      grants,
      ended,
      told,
      toldMedianMs,
      lost,
      wronglyDead,
      brokenPlans.length,
    ]),
  );
}

function table(headings: readonly string[], rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  const cells = [headings, ...rows.map((row) => row.map(String))];
  const widths = headings.map((_, column) => Math.max(4, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => {
    const padded = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head = [], ...body] = cells;
  return [line(head), line(rule), ...body.map(line)].join('\n');
}
