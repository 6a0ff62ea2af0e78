import { markdownTable } from '../support/markdown-table.js';
import { lowest, median, paired, percentile } from '../support/statistics.js';
import {
  type BesideRun,
  CALL_MS,
  CALLERS,
  type Expiry,
  type ExpiryRun,
  type OperationRun,
  POOL_SIZE,
  PROCESSES,
  REFRESHES,
} from './measurements.js';
import { VARIANT_TITLES } from './refresher.js';
import type { Beside, Cost } from './refresher-process.js';
import type { ScaleRun } from './scale.js';

const left = (heading: string) => ({ heading });
const right = (heading: string) => ({ heading, align: 'right' }) as const;

export function expiryTable(runs: readonly ExpiryRun[]): string {
  return markdownTable(
    [
      left(`One expiry, ${PROCESSES} processes x ${CALLERS} callers`),
      left('server'),
      right('calls'),
      right('at most'),
      right('failed callers'),
      right('statements'),
      right('ms'),
      right('median'),
    ],
    runs.map(({ variant, mode, expiries }) => {
      const of = (figure: (expiry: Expiry) => number) => expiries.map(figure);
      const calls = of((expiry) => expiry.calls);
      const ms = of((expiry) => expiry.ms);
      return [
        VARIANT_TITLES[variant],
        mode,
        String(median(calls)),
        String(Math.max(...calls)),
        String(median(of(({ failed }) => failed))),
        String(median(of(({ statements }) => statements))),
        lowest(ms).toFixed(0),
        median(ms).toFixed(0),
      ];
    }),
  );
}

export function besideTable(runs: readonly BesideRun[]): string {
  const title = `A query of the application during ${REFRESHES} refreshes of ${CALL_MS / 1000} s, pool of ${POOL_SIZE}`;
  return markdownTable(
    [
      left(title),
      left('begin'),
      right('p50 ms, idle'),
      right('refreshing'),
      right('p99 ms, idle'),
      right('refreshing'),
      right('ratio of p99'),
      right('queries'),
      right('failed refreshes'),
      right('all done, s'),
    ],
    runs.map(({ variant, withinMs, control, refreshing }) => {
      const [idle, busy] = [waitsOf(control), waitsOf(refreshing)];
      return [
        VARIANT_TITLES[variant],
        withinMs === 0 ? 'in one moment' : `within ${withinMs / 1000} s`,
        percentile(idle, 50).toFixed(1),
        percentile(busy, 50).toFixed(1),
        percentile(idle, 99).toFixed(1),
        percentile(busy, 99).toFixed(1),
        `**${(percentile(busy, 99) / percentile(idle, 99)).toFixed(2)}**`,
        `${idle.length} / ${busy.length}`,
        String(refreshing.reduce((sum, { failed }) => sum + failed, 0)),
        (median(refreshing.map(({ wallMs }) => wallMs)) / 1000).toFixed(2),
      ];
    }),
  );
}

function waitsOf(runs: readonly Beside[]): readonly number[] {
  return runs.flatMap(({ waitsMs }) => waitsMs);
}

export function operationsTable(runs: readonly OperationRun[]): string {
  return markdownTable(
    [
      left('One caller, no contention'),
      right('statements, fresh'),
      right('ms'),
      right('statements, refresh'),
      right('ms'),
    ],
    runs.map(({ variant, fresh, refresh }) => [
      VARIANT_TITLES[variant],
      fresh.statements.toFixed(2),
      fresh.ms.toFixed(2),
      refresh.statements.toFixed(2),
      refresh.ms.toFixed(2),
    ]),
  );
}

export function readTable(runs: readonly ScaleRun[]): string {
  const ratio = (figure: (values: readonly number[]) => number, token: readonly number[], bare: readonly number[]) =>
    (figure(token) / figure(bare)).toFixed(2);
  return markdownTable(
    [left('A fresh token'), right('grants'), right('CPU µs'), right('median'), right('wall µs'), right('median')],
    runs.flatMap(({ grants, reads: { token, bare } }) => {
      const row = (title: string, { cpuUs, wallUs }: Cost) => {
        const figures = [lowest(cpuUs), median(cpuUs), lowest(wallUs), median(wallUs)];
        return [title, String(grants), ...figures.map((figure) => figure.toFixed(0))];
      };
      return [
        row('**`getAccessToken`**', token),
        row('bare: the row by its primary key, through `pg`', bare),
        [
          '**ratio**',
          String(grants),
          ratio(lowest, token.cpuUs, bare.cpuUs),
          median(paired(token.cpuUs, bare.cpuUs, (a, b) => a / b)).toFixed(2),
          ratio(lowest, token.wallUs, bare.wallUs),
          median(paired(token.wallUs, bare.wallUs, (a, b) => a / b)).toFixed(2),
        ],
      ];
    }),
  );
}

export function scaleTable(runs: readonly ScaleRun[]): string {
  const sizes = markdownTable(
    [
      left('Grants in the table'),
      right('table MiB'),
      right('primary key MiB'),
      right('read µs'),
      right('median'),
      right('refresh ms'),
      right('median'),
    ],
    runs.map(({ grants, tableBytes, indexBytes, reads, refreshMs }) => [
      String(grants),
      (tableBytes / 2 ** 20).toFixed(1),
      (indexBytes / 2 ** 20).toFixed(1),
      lowest(reads.token.wallUs).toFixed(0),
      median(reads.token.wallUs).toFixed(0),
      lowest(refreshMs).toFixed(2),
      median(refreshMs).toFixed(2),
    ]),
  );
  const plans = markdownTable(
    [left('Statement'), right('grants'), left('plan'), right('pages touched')],
    runs.flatMap(({ grants, plans }) =>
      plans.map(({ name, scans, pages }) => [name, String(grants), scans.join(', '), String(pages)]),
    ),
  );
  return `${sizes}\n\n${plans}`;
}
