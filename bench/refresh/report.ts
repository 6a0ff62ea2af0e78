import { markdownTable } from '../support/markdown-table.js';
import { lowest, median, paired, percentile } from '../support/statistics.js';
import { type BesideRun, CALL_MS, REFRESHES } from './beside.js';
import { VARIANT_TITLES } from './refresher.js';
import type { Beside } from './refresher-process.js';
import type { ReadRun } from './reads.js';
import { POOL_SIZE } from './surroundings.js';

const left = (heading: string) => ({ heading });
const right = (heading: string) => ({ heading, align: 'right' }) as const;

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

export function readTable(runs: readonly ReadRun[]): string {
  return markdownTable(
    [left('A fresh token'), right('grants'), right('pages'), right('CPU µs'), right('median')],
    runs.flatMap(({ grants, pages, reads: { token, bare } }) => {
      const size = [String(grants), String(pages)];
      const row = (title: string, cost: readonly number[]) => [
        title,
        ...size,
        lowest(cost).toFixed(0),
        median(cost).toFixed(0),
      ];
      return [
        row('**`getAccessToken`**', token),
        row('bare: the row by its primary key, through `pg`', bare),
        [
          '**ratio**',
          ...size,
          (lowest(token) / lowest(bare)).toFixed(2),
          median(paired(token, bare, (a, b) => a / b)).toFixed(2),
        ],
      ];
    }),
  );
}
