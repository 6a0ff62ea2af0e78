import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as library from 'nestjs-nowgg-auth';
import { SECURITY_MEANINGS, STATE_MEANINGS } from '../../libs/nowgg-auth/src/events/event-texts.js';
import { METRICS } from '../../libs/nowgg-auth/src/telemetry/metrics.js';
import { root } from './markdown.js';

const page = readFileSync(path.join(root, 'docs/operations/events.md'), 'utf8');

/** Names in the first column of the tables of a section. */
function namesIn(section: string): string[] {
  const from = page.indexOf(`\n## ${section}\n`);
  const to = page.indexOf('\n## ', from + 1);
  const rows = page.slice(from, to === -1 ? undefined : to).matchAll(/^\| (`[^|]*) \|/gm);
  return [...rows].flatMap(([, cell = '']) => [...cell.matchAll(/`([a-z_A-Z]+)`/g)].map(([, name = '']) => name));
}

describe('The page of events', () => {
  it('has every state, and no other', () => {
    expect(namesIn('States').toSorted()).toEqual(Object.keys(STATE_MEANINGS).toSorted());
  });

  it('has every security event, and no other', () => {
    expect(namesIn('Security').toSorted()).toEqual(Object.keys(SECURITY_MEANINGS).toSorted());
  });

  it('has every channel with its constant', () => {
    const channels = Object.entries(library).filter(([name]) => name.endsWith('_CHANNEL'));
    const rows = channels.map(([name, value]) => `| \`${String(value)}\` | \`${name}\` |`);
    expect(rows.filter((row) => !page.includes(row))).toEqual([]);
  });
});

describe('The page of metrics', () => {
  it('has every metric with its kind and attributes, and no other', () => {
    const metrics = readFileSync(path.join(root, 'docs/operations/metrics.md'), 'utf8');
    const rows = [...metrics.matchAll(/^\| `(nowgg\.[a-z._]+)` \| ([a-z]+) \| ([^|;]*)/gm)];
    const documented = rows.map(([, name, kind, labels = '']) => [
      name,
      kind,
      [...labels.matchAll(/`([a-z]+)`/g)].map(([, label]) => label),
    ]);
    const kinds = { counter: 'counter', readCounter: 'counter', gauge: 'gauge', histogram: 'histogram' };
    expect(documented).toEqual(
      Object.entries(METRICS).map(([name, { kind, labels }]) => [name, kinds[kind], [...labels]]),
    );
  });
});
