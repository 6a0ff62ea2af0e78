import { markdownTable } from '../support/markdown-table.js';
import { lowest, median, paired, percentile } from '../support/statistics.js';
import type { Flood } from './flood-process.js';
import type { HitSamples } from './hit.js';
import type { Lateness } from './over-processes.js';

const right = (heading: string) => ({ heading, align: 'right' }) as const;

/** The parts of a hit that are measured under these names; every other name is a peer's. */
const PARTS = ['hit', 'bare', 'hash', 'principal'];

export function hitTable(samples: HitSamples): string {
  const of = (name: string) => samples[name] ?? [];
  const row = (title: string, values: readonly number[]) => [
    title,
    lowest(values).toFixed(2),
    median(values).toFixed(2),
  ];
  const ratio = lowest(of('hit')) / lowest(of('bare'));
  const ratios = paired(of('hit'), of('bare'), (a, b) => a / b);
  const rest = (figure: (values: readonly number[]) => number) => (figure(of('hit')) - figure(of('hash'))).toFixed(2);
  const peers = Object.keys(samples).filter((name) => !PARTS.includes(name));
  return markdownTable(
    [{ heading: 'A hit, in process' }, right('CPU µs'), right('median')],
    [
      row('**`NowggAuthenticator.authenticate`**', of('hit')),
      row('bare: SHA-256 of the token and an LRU get', of('bare')),
      ['**ratio**', ratio.toFixed(2), median(ratios).toFixed(2)],
      row('of the hit: hash and key', of('hash')),
      ['of the hit: lookup and re-checks', rest(lowest), rest(median)],
      row('once for each entry: principal', of('principal')),
      ...peers.map((name) => row(name, of(name))),
    ],
  );
}

export function memoryTable(entries: number, bytesPerEntry: number): string {
  return markdownTable(
    [{ heading: 'Memory' }, right('bytes')],
    [[`for each of ${entries} remembered tokens`, bytesPerEntry.toFixed(0)]],
  );
}

export function floodTable({ liveRequests, liveHits, garbageRequests, garbageLetIn }: Flood): string {
  return markdownTable(
    [{ heading: 'A flood of unknown tokens, 99 for each request of a player' }, right('')],
    [
      ['requests of players', String(liveRequests)],
      ['of these from memory', `${((100 * liveHits) / liveRequests).toFixed(2)} %`],
      ['garbage tokens', String(garbageRequests)],
      ['of these let in', String(garbageLetIn)],
    ],
  );
}

export function firstUsesTable(
  title: string,
  runs: ReadonlyArray<{ readonly name: string; readonly calls: readonly number[] }>,
): string {
  return markdownTable(
    [{ heading: title }, right('calls, median'), right('most')],
    runs.map(({ name, calls }) => [name, String(median(calls)), String(Math.max(...calls))]),
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
