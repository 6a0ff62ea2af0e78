import { markdownTable } from '../support/markdown-table.js';
import { lowest, median, paired, percentile } from '../support/statistics.js';
import type { HitSamples } from './hit.js';
import type { QuestionSamples } from './question.js';
import type { Lateness } from './over-processes.js';

const right = (heading: string) => ({ heading, align: 'right' }) as const;

export function hitTable({ hit = [], bare = [], ...peers }: HitSamples): string {
  const row = (title: string, values: readonly number[]) => [
    title,
    lowest(values).toFixed(2),
    median(values).toFixed(2),
  ];
  const ratios = paired(hit, bare, (a, b) => a / b);
  return markdownTable(
    [{ heading: 'A hit, in process' }, right('CPU µs'), right('median')],
    [
      row('**`NowggAuthenticator.authenticate`**', hit),
      row('bare: SHA-256 of the token and an LRU get', bare),
      ['**ratio**', (lowest(hit) / lowest(bare)).toFixed(2), median(ratios).toFixed(2)],
      ...Object.entries(peers).map(([name, values]) => row(name, values)),
    ],
  );
}

export function questionTable(samples: QuestionSamples): string {
  const [[, unit] = ['', []]] = Object.entries(samples);
  const rows = Object.entries(samples).map(([name, values]) => [
    name === 'ours' ? '**`NowggAuthenticator.authenticate`, a new token**' : name,
    lowest(values).toFixed(0),
    median(values).toFixed(0),
    median(paired(values, unit, (a, b) => a / b)).toFixed(2),
  ]);
  return markdownTable(
    [{ heading: 'CPU per question, 16 under way' }, right('CPU µs'), right('median'), right('× undici')],
    rows,
  );
}

export function memoryTable(entries: number, bytesPerEntry: number): string {
  return markdownTable(
    [{ heading: 'Memory' }, right('bytes')],
    [[`for each of ${entries} remembered tokens`, bytesPerEntry.toFixed(0)]],
  );
}

/** Percentiles of series of milliseconds. */
export function delayTable(
  title: string,
  runs: ReadonlyArray<{ readonly name: string; readonly ms: readonly number[] }>,
): string {
  return markdownTable(
    [{ heading: title }, right('p50 ms'), right('p99 ms'), right('most ms')],
    runs.map(({ name, ms }) => [
      name,
      percentile(ms, 50).toFixed(1),
      percentile(ms, 99).toFixed(1),
      Math.max(...ms).toFixed(1),
    ]),
  );
}

export function latenessTable({ deadlineMs, control, fault }: Lateness): string {
  const late = (name: 'known' | 'newcomers', deadline: number) => fault[name] - deadline - control[name];
  return markdownTable(
    [
      { heading: `now.gg hangs, deadline ${deadlineMs} ms; p99 ms` },
      right('control'),
      right('hanging'),
      right('beyond deadline + control'),
    ],
    [
      [
        'answers to known players',
        control.known.toFixed(1),
        fault.known.toFixed(1),
        late('known', deadlineMs).toFixed(1),
      ],
      [
        'answers to newcomers',
        control.newcomers.toFixed(1),
        fault.newcomers.toFixed(1),
        late('newcomers', deadlineMs).toFixed(1),
      ],
      [
        'event loop delay (no deadline)',
        control.loopDelay.toFixed(1),
        fault.loopDelay.toFixed(1),
        (fault.loopDelay - control.loopDelay).toFixed(1),
      ],
    ],
  );
}
