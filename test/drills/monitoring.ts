import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../support/servers/free-port.js';

const OPS = path.resolve(import.meta.dirname, '../../ops/prometheus');
/** Time between two scrapes, and between two evaluations, that the rules are proven with. */
const INTERVAL_MS = 15_000;
const UNIT_MS = { s: 1_000, m: 60_000 } as const;

/** Alerts at one moment. */
export interface Told {
  /** What a person is told. */
  readonly told: readonly string[];
  /** What fires, and is kept quiet by another alert. */
  readonly inhibited: readonly string[];
}

/** Rules in which every duration is shorter by one factor; thresholds stay. */
export function scaledRules(rules: string, factor: number): string {
  return rules.replace(/(for: |\[|offset )(\d+)([sm])\b/g, (_all, before: string, count: string, unit: 's' | 'm') => {
    return `${before}${Math.round((Number(count) * UNIT_MS[unit]) / factor)}ms`;
  });
}

/** A Prometheus and an Alertmanager of their own, with the committed rules and inhibitions. */
export class Monitoring implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'nowgg-drill-'));
  readonly #children: ChildProcess[] = [];
  #prometheus = '';
  #alertmanager = '';

  static async start(targets: readonly string[], collectorKey: string, factor: number): Promise<Monitoring> {
    const monitoring = new Monitoring();
    await monitoring.#start(targets, collectorKey, factor);
    return monitoring;
  }

  /** Names of the alerts that fire, as Prometheus says. */
  async firing(): Promise<string[]> {
    const { data } = await json<{ data: { alerts: { state: string; labels: { alertname: string } }[] } }>(
      `${this.#prometheus}/api/v1/alerts`,
    );
    return named(data.alerts.filter(({ state }) => state === 'firing'));
  }

  /** The alerts that fire, and which of them Alertmanager keeps quiet. */
  async told(): Promise<Told> {
    const firing = await this.firing();
    const known = await json<{ labels: { alertname: string }; status: { state: string } }[]>(
      `${this.#alertmanager}/api/v2/alerts`,
    );
    const quiet = named(known.filter(({ status }) => status.state === 'suppressed'));
    const inhibited = firing.filter((name) => quiet.includes(name));
    return { told: firing.filter((name) => !inhibited.includes(name)), inhibited };
  }

  /** Number of targets that were read at the last scrape. */
  async healthyTargets(): Promise<number> {
    const { data } = await json<{ data: { activeTargets: { health: string }[] } }>(
      `${this.#prometheus}/api/v1/targets`,
    );
    return data.activeTargets.filter(({ health }) => health === 'up').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(targets: readonly string[], collectorKey: string, factor: number): Promise<void> {
    const [prometheus, alertmanager] = [await freePort(), await freePort()];
    this.#prometheus = `http://127.0.0.1:${prometheus}`;
    this.#alertmanager = `http://127.0.0.1:${alertmanager}`;
    const write = (name: string, text: string) => writeFileSync(path.join(this.#folder, name), text);
    write('alerts.yml', scaledRules(readFileSync(path.join(OPS, 'alerts.yml'), 'utf8'), factor));
    write(
      'alertmanager.yml',
      `route: { receiver: none }\nreceivers: [{ name: none }]\n${readFileSync(path.join(OPS, 'inhibitions.yml'), 'utf8')}`,
    );
    const interval = `${Math.round(INTERVAL_MS / factor)}ms`;
    write(
      'prometheus.yml',
      JSON.stringify({
        global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
        rule_files: ['alerts.yml'],
        alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanager}`] }] }] },
        scrape_configs: [
          {
            job_name: 'game',
            authorization: { credentials: collectorKey },
            static_configs: [{ targets: targets.map((url) => new URL(url).host) }],
          },
        ],
      }),
    );
    this.#run('prometheus-alertmanager', [
      '--config.file=alertmanager.yml',
      '--storage.path=alertmanager',
      `--web.listen-address=127.0.0.1:${alertmanager}`,
      '--cluster.listen-address=',
    ]);
    this.#run('prometheus', [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=prometheus',
      `--web.listen-address=127.0.0.1:${prometheus}`,
      '--rules.alert.resend-delay=500ms',
    ]);
    await Promise.all([answering(`${this.#prometheus}/-/ready`), answering(`${this.#alertmanager}/-/ready`)]);
  }

  #run(program: string, args: readonly string[]): void {
    this.#children.push(spawn(program, args, { cwd: this.#folder, stdio: 'ignore' }));
  }
}

function named(alerts: readonly { readonly labels: { readonly alertname: string } }[]): string[] {
  return [...new Set(alerts.map(({ labels }) => labels.alertname))].toSorted();
}

async function json<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the monitoring answered ${answer.status}`);
  return (await answer.json()) as T;
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (tries === 600)
      throw new Error('the monitoring did not start: are prometheus and prometheus-alertmanager installed?');
    await wait(100);
  }
}
