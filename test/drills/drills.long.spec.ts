import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DrillStage } from './drill-stage.js';
import { expectedMatrix, FAULT_NAMES } from './matrix.js';
import { scaledRules } from './monitoring.js';
import { hasHeld, playDrill } from './run-drill.js';

const root = path.resolve(import.meta.dirname, '../..');
const FACTOR = 20;
/** Only for hangs: a drill ends when the alerts are as expected. */
const TIMES = { longestS: 150, leastS: 0 };

describe('a drill', () => {
  let stage: DrillStage;
  beforeAll(async () => {
    stage = await DrillStage.start(FACTOR);
  }, 400_000);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  // npm run drill plays all of them.
  it.each(['now.gg fails whole', 'Redis gone', 'PostgreSQL gone'] as const)(
    'of %s brings the alerts of the matrix, and no other, and they end',
    async (fault) => {
      const expected = expectedMatrix()[fault];
      const drilled = await playDrill(stage, fault, expected, TIMES);
      expect({ ...drilled, hasHeld: hasHeld(drilled, expected) }).toMatchObject({ unexpected: [], hasHeld: true });
    },
    400_000,
  );

  it('leaves no secret in logs and metrics', async () => {
    expect(stage.log).toContain('shared_cache_unavailable');
    expect(stage.planted.count).toBeGreaterThan(100);
    expect(await stage.leaks()).toEqual([]);
  });
});

describe('the matrix', () => {
  it('has every fault, each with one alert that is told, as the runbook shows', () => {
    const matrix = expectedMatrix();
    expect(Object.keys(matrix)).toEqual(FAULT_NAMES);
    const runbook = readFileSync(path.join(root, 'docs/operations/runbook.md'), 'utf8');
    const rows = FAULT_NAMES.map((fault) => {
      const { told, inhibited } = matrix[fault];
      expect(told).toHaveLength(1);
      return `| ${fault} | ${told.join(', ')} | ${inhibited.join(', ') || 'none'} |`;
    });
    expect(rows.filter((row) => !runbook.includes(row))).toEqual([]);
  });

  it('is played with rules that differ from the committed ones in durations only', () => {
    const rules = readFileSync(path.join(root, 'ops/prometheus/alerts.yml'), 'utf8');
    const scaled = scaledRules(rules, FACTOR);
    const duration = /(?<=for: |\[|offset )\d+(?:ms|[smhd])\b/g;
    expect(scaled.replace(duration, '')).toBe(rules.replace(duration, ''));
    const inMs = (text: string) =>
      Number.parseInt(text) * (text.endsWith('ms') ? 1 : text.endsWith('m') ? 60_000 : 1_000);
    const [before, after] = [rules, scaled].map((text) => [...text.matchAll(duration)].map(([found]) => inMs(found)));
    expect(after).toEqual(before?.map((ms) => ms / FACTOR));
  });
});
