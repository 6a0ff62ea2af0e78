import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { SECURITY_MEANINGS, STATE_MEANINGS } from '../../libs/nowgg-auth/src/events/event-texts.js';
import { prometheusName } from '../../libs/nowgg-auth/src/prometheus/prometheus-metrics.js';
import { METRICS, type MetricName } from '../../libs/nowgg-auth/src/telemetry/metrics.js';
import { STATE_CAUSES } from '../../libs/nowgg-auth/src/telemetry/state-causes.js';
import { root } from './markdown.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string; readonly role: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const rules = (parse(read('ops/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const { inhibit_rules: inhibitions } = parse(read('ops/prometheus/inhibitions.yml')) as {
  inhibit_rules: { source_matchers: string[]; target_matchers: string[]; equal: string[] }[];
};
const board = JSON.parse(read('ops/grafana/nowgg-auth.json')) as { panels: Panel[] };
const runbook = read('docs/operations/runbook.md');
const alerts = rules.map(({ alert }) => alert);

/** Every series of a metric, with the labels that it has. */
const SERIES = new Map<string, readonly string[]>(
  (Object.keys(METRICS) as MetricName[]).flatMap((name): [string, readonly string[]][] => {
    const { kind, labels } = METRICS[name];
    const own = prometheusName(name);
    if (kind !== 'histogram') return [[own, labels]];
    return [
      [`${own}_bucket`, [...labels, 'le']],
      [`${own}_count`, labels],
      [`${own}_sum`, labels],
    ];
  }),
);
/** Labels that Prometheus adds. */
const COLLECTED = ['job', 'instance'];

const VALUES: Readonly<Record<string, readonly string[]>> = {
  'nowgg_auth_state type': [...Object.keys(STATE_MEANINGS), 'own_credentials_suspect', 'revocations_unread'],
  'nowgg_auth_state cause': STATE_CAUSES,
  'nowgg_auth_security_events_total type': Object.keys(SECURITY_MEANINGS),
  'nowgg_auth_verifications_total outcome': ['valid', 'invalid', 'unknown'],
  'nowgg_auth_unreadable_ciphertexts_total fault': ['malformed', 'unknown_key', 'tampered'],
  'nowgg_auth_call_duration_seconds_count status': ['2xx', '3xx', '4xx', '429', '5xx', 'none'],
  'nowgg_auth_sign_in_duration_seconds_count outcome': wordsOf('ExchangeOutcome'),
  'nowgg_auth_refresh_duration_seconds_count outcome': wordsOf('RefreshOutcome'),
};

/** The members of a union of texts in the source. */
function wordsOf(union: string): string[] {
  const source = read('libs/nowgg-auth/src/tokens/events/token-events.ts');
  const [, members = ''] = new RegExp(`export type ${union} =([^;]{1,2000});`).exec(source) ?? [];
  return [...members.matchAll(/'([a-z_]{1,40})'/g)].map(([, word = '']) => word);
}

/** What an expression names that does not exist: metrics, labels, values. */
function unknownIn(expression: string): string[] {
  const found: string[] = [];
  for (const [, series = '', selector = ''] of expression.matchAll(/(nowgg_auth_\w{1,60})(?:\{([^}]{0,400})\})?/g)) {
    const labels = SERIES.get(series);
    if (!labels) found.push(series);
    for (const [, label = '', value = ''] of selector.matchAll(/(\w{1,30})(?:=~|!~|!=|=)"([^"]{0,200})"/g)) {
      if (!labels?.includes(label) && !COLLECTED.includes(label)) found.push(`${series} ${label}`);
      const values = VALUES[`${series} ${label}`];
      if (values) found.push(...value.split('|').filter((each) => !values.includes(each)));
    }
  }
  return found;
}

function entryOf(alert: string): string {
  const [, entry = ''] = runbook.split(`\n### ${alert}\n`);
  return entry.split('\n### ')[0] ?? '';
}

/** Texts in italics: names of panels. */
const panelsIn = (text: string) => [...text.matchAll(/panels? \*([^*]{1,60})\*/g)].map(([, title = '']) => title);

describe('The alerts', () => {
  it('name metrics, labels and values that exist', () => {
    expect(rules.flatMap(({ alert, expr }) => unknownIn(expr).map((what) => `${alert}: ${what}`))).toEqual([]);
    expect(unknownIn('nowgg_auth_state{type="gone",kind="x"} + nowgg_auth_lost')).toEqual([
      'gone',
      'nowgg_auth_state kind',
      'nowgg_auth_lost',
    ]);
  });

  it('have a severity, a role, and the address of their entry', () => {
    for (const { alert, labels, annotations } of rules) {
      expect(labels.severity).toMatch(/^(?:critical|warning)$/);
      expect(labels.role).toMatch(/^(?:cause|symptom)$/);
      expect(annotations.runbook).toBe(`docs/operations/runbook.md#${alert.toLowerCase()}`);
      expect(annotations.summary).not.toBe('');
    }
  });

  it('have an entry each in the runbook with its four answers, in the same order', () => {
    const headings = [...runbook.matchAll(/^### (Nowgg\w{1,40})$/gm)].map(([, name]) => name);
    expect(headings).toEqual(alerts);
    const answers = alerts.map((alert) =>
      [...entryOf(alert).matchAll(/^- \*\*([A-Za-z ]{1,20}):\*\*/gm)].map(([, a]) => a),
    );
    expect(answers).toEqual(alerts.map(() => ['Means', 'Affected', 'Do', 'Over when']));
  });

  it('are each proven to be told and not to be told', () => {
    const { tests } = parse(read('ops/prometheus/alerts.test.yml')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
    };
    const cases = tests.flatMap((test) => test.alert_rule_test);
    for (const isTold of [true, false]) {
      const proven = cases.filter(({ exp_alerts: told }) => told.length > 0 === isTold);
      expect([...new Set(proven.map(({ alertname }) => alertname))].toSorted()).toEqual(alerts.toSorted());
    }
  });

  it('are all that inhibitions name, and none keeps one quiet that keeps it quiet', () => {
    const named = (matchers: string[]) => {
      const [, pattern] = /alertname=~?"([^"]{1,200})"/.exec(matchers.join()) ?? [];
      return pattern === undefined ? [] : alerts.filter((alert) => new RegExp(`^(?:${pattern})$`).test(alert));
    };
    const pairs = inhibitions.slice(1).flatMap(({ source_matchers: from, target_matchers: to }) => {
      expect([named(from).length, named(to).length]).not.toContain(0);
      return named(from).flatMap((source) => named(to).map((target) => `${source} ${target}`));
    });
    expect(pairs.length).toBeGreaterThan(10);
    expect(pairs.filter((pair) => pairs.includes(pair.split(' ').toReversed().join(' ')))).toEqual([]);
    expect(inhibitions.every(({ equal }) => equal.includes('job'))).toBe(true);
  });
});

describe('The board', () => {
  const titles = board.panels.filter(({ type }) => type !== 'row').map(({ title }) => title);

  it('names metrics, labels and values that exist', () => {
    const expressions = board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(20);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
  });

  it('shows every metric', () => {
    const text = JSON.stringify(board);
    const shown = (name: MetricName) => text.includes(prometheusName(name));
    expect((Object.keys(METRICS) as MetricName[]).filter((name) => !shown(name))).toEqual([]);
  });

  it('has every panel that the runbook names', () => {
    expect(panelsIn(runbook).length).toBeGreaterThan(30);
    expect(panelsIn(runbook).filter((title) => !titles.includes(title))).toEqual([]);
  });
});

describe('The questions at three in the morning', () => {
  it('are twenty or more, each with a panel, a command or the log', () => {
    const section = runbook.slice(runbook.indexOf('## Questions at three'), runbook.indexOf('## Alerts'));
    const rows = section.split('\n').filter((line) => /^\| .*\? \|/.test(line));
    expect(rows.length).toBeGreaterThanOrEqual(20);
    expect(
      rows.filter(
        (row) =>
          !/panels? \*|`doctor`|`vault status`|`audit list|`explain|`vault keep-alive|\blog\b|`store_unavailable`/.test(
            row,
          ),
      ),
    ).toEqual([]);
  });
});
