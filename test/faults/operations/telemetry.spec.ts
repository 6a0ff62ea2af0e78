import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, Injectable } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { NowggHealthService, Public } from 'nestjs-nowgg-auth';
import { NowggOpenTelemetryModule } from 'nestjs-nowgg-auth/opentelemetry';
import { NowggPrometheusModule } from 'nestjs-nowgg-auth/prometheus';
import { NowggHealthIndicator } from 'nestjs-nowgg-auth/terminus';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Registry } from 'prom-client';
import { until } from '../../redis/support.js';
import { ObservedGame } from './observed-game.js';

@Injectable()
class CollectorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
    return headers['x-collector'] === 'yes';
  }
}

@Public()
@Controller('health')
class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly nowgg: NowggHealthIndicator,
  ) {}

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.checks.check([() => this.nowgg.live('process'), () => this.nowgg.ready('auth')]);
  }

  @Get('details')
  @HealthCheck()
  details() {
    return this.checks.check([() => this.nowgg.degraded('auth')]);
  }
}

const registry = new Registry();
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const spans = new InMemorySpanExporter();
let game: ObservedGame;

beforeAll(async () => {
  game = await ObservedGame.start({
    imports: [
      TerminusModule,
      NowggPrometheusModule.forRoot({ registry, guards: [CollectorGuard] }),
      NowggOpenTelemetryModule.forRoot({
        meterProvider: new MeterProvider({ readers: [reader] }),
        tracerProvider: new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
      }),
    ],
    controllers: [HealthController],
    providers: [NowggHealthIndicator],
  });
}, 120_000);
afterAll(async () => {
  await game[Symbol.asyncDispose]();
}, 60_000);

async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${game.url}/${path}`, { headers });
  return { status: answer.status, text: await answer.text() };
}
const scrape = async () => (await get('metrics', { 'x-collector': 'yes' })).text;
/** The value of a metric with these labels, in any order. */
async function valueOf(name: string, labels: Record<string, string> = {}): Promise<number> {
  const rows = (await scrape()).split('\n').filter((row) => row.startsWith(`${name}{`) || row.startsWith(`${name} `));
  const row = rows.find((each) => Object.entries(labels).every(([key, value]) => each.includes(`${key}="${value}"`)));
  return Number(row?.split(' ').at(-1) ?? 0);
}

describe('the metrics of a game', () => {
  it('stand behind their guard, and behind no token', async () => {
    expect((await get('metrics')).status).toBe(403);
    expect((await get('metrics', { 'x-collector': 'yes' })).status).toBe(200);
  });

  it('count sign-ins, verdicts by where they come from, and calls', async () => {
    expect((await game.signIn()).status).toBe(200);
    expect((await game.signIn(game.planted.plant('code'))).status).toBe(400);
    const token = game.newToken();
    for (let times = 0; times < 4; times += 1) expect(await game.play(token)).toBe(200);
    expect(await game.play(game.planted.plant('opaque'))).toBe(401);
    expect(await valueOf('nowgg_auth_sign_in_duration_seconds_count', { outcome: 'succeeded' })).toBe(1);
    expect(await valueOf('nowgg_auth_sign_in_duration_seconds_count', { outcome: 'refused' })).toBe(1);
    expect(await valueOf('nowgg_auth_verifications_total', { outcome: 'valid', source: 'hit' })).toBeGreaterThanOrEqual(
      3,
    );
    expect(
      await valueOf('nowgg_auth_verifications_total', { outcome: 'valid', source: 'miss', provider: 'nowgg' }),
    ).toBeGreaterThanOrEqual(1);
    expect(
      await valueOf('nowgg_auth_call_duration_seconds_count', { operation: 'verify', status: '2xx' }),
    ).toBeGreaterThanOrEqual(1);
    expect(await valueOf('nowgg_auth_ready')).toBe(1);
  });

  it('are the same through OpenTelemetry, with spans of what was waited for', async () => {
    await reader.forceFlush();
    const [exported] = exporter.getMetrics().slice(-1);
    const found = exported?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
    const names = found.map(({ descriptor }) => descriptor.name);
    expect(names).toEqual(
      expect.arrayContaining(['nowgg.auth.verifications', 'nowgg.auth.call.duration', 'nowgg.auth.ready']),
    );
    const verifications = found.find(({ descriptor }) => descriptor.name === 'nowgg.auth.verifications');
    const hit = verifications?.dataPoints.find(
      ({ attributes }) => attributes.source === 'hit' && attributes.outcome === 'valid',
    );
    expect(hit?.value).toBe(await valueOf('nowgg_auth_verifications_total', { outcome: 'valid', source: 'hit' }));
    const drawn = new Set(spans.getFinishedSpans().map(({ name }) => name));
    expect(drawn).toEqual(new Set(['nowgg.auth.verify', 'nowgg.auth.sign_in']));
  });

  it('have few and bounded labels, and no secret', async () => {
    for (let players = 0; players < 30; players += 1) await game.play(game.newToken());
    const text = await scrape();
    expect(text.split('\n').filter((row) => row.startsWith('nowgg_auth_verifications')).length).toBeLessThan(12);
    await reader.forceFlush();
    expect(
      game.leaks(
        [
          text,
          JSON.stringify(exporter.getMetrics()),
          JSON.stringify(spans.getFinishedSpans().map(({ attributes }) => attributes)),
        ].join('\n'),
      ),
    ).toEqual([]);
  });
});

describe('the health of a game', () => {
  it('is ready and tells of nothing while everything works', async () => {
    expect(JSON.parse((await get('health/ready')).text)).toMatchObject({
      status: 'ok',
      details: { process: { status: 'up' }, auth: { status: 'up' } },
    });
    expect(JSON.parse((await get('health/details')).text).details.auth).toMatchObject({
      isDegraded: false,
      states: [],
    });
  });

  it('stays ready while now.gg and the database are away, tells of it, and sends no request', async () => {
    game.emulator.setFault({ kind: 'status', status: 503 });
    await game.cluster.goDown();
    const health = game.app.get(NowggHealthService);
    await until(async () => {
      game.clock.advance(2_000);
      await game.play(game.newToken());
      const types = health.degraded().states.map(({ type }) => type);
      return types.includes('identity_unavailable') && types.includes('store_unavailable');
    });
    const before = game.emulator.requestCount();
    for (let probes = 0; probes < 20; probes += 1) expect((await get('health/ready')).status).toBe(200);
    expect(game.emulator.requestCount()).toBe(before);
    expect(await valueOf('nowgg_auth_state', { type: 'identity_unavailable', provider: 'nowgg' })).toBe(1);
    const details = JSON.parse((await get('health/details')).text).details.auth;
    expect(details).toMatchObject({ status: 'up', isDegraded: true });
    expect(game.leaks(JSON.stringify(details))).toEqual([]);
    game.emulator.clearFaults();
    await game.cluster.start();
    await until(async () => {
      game.clock.advance(2_000);
      await game.play(game.newToken());
      return !health.degraded().isDegraded;
    });
    expect(await valueOf('nowgg_auth_state', { type: 'identity_unavailable', provider: 'nowgg' })).toBe(0);
  }, 60_000);
});
