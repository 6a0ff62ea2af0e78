import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type DynamicModule, Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import {
  type Meter,
  type MeterProvider,
  metrics,
  type Observable,
  type ObservableCallback,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { NowggClock } from '../clock.js';
import { NOWGG_MISS_CHANNEL, type NowggMissEvent } from '../events/verification-counts.js';
import { NowggHealthService } from '../health/nowgg-health.service.js';
import { faultsOf, isFunction, refuse, type Rules } from '../rules.js';
import {
  BUCKETS,
  feedMetrics,
  type Labels,
  METRICS,
  type MetricName,
  readMetric,
  type ReadName,
} from '../telemetry/metrics.js';
import { NOWGG_TOKEN_CHANNEL, type NowggTokenEvent } from '../tokens/events/token-events.js';

/** Options of {@link NowggOpenTelemetryModule}. */
export interface NowggOpenTelemetryOptions {
  /** Default: the global meter provider of `@opentelemetry/api`. */
  meterProvider?: MeterProvider;
  /** Default: the global tracer provider of `@opentelemetry/api`. */
  tracerProvider?: TracerProvider;
}

const hasMethod = (name: string) => (value: unknown) => isFunction((value as Record<string, unknown> | null)?.[name]);
const RULES: Rules<keyof NowggOpenTelemetryOptions> = {
  meterProvider: [hasMethod('getMeter'), 'must be a MeterProvider'],
  tracerProvider: [hasMethod('getTracer'), 'must be a TracerProvider'],
};

const TELEMETRY_OPTIONS = Symbol('nestjs-nowgg-auth:telemetry-options');
const SCOPE = 'nestjs-nowgg-auth';

/**
 * Metrics and spans through `@opentelemetry/api`, under names that begin with `nowgg.auth`. Start the SDK before the
 * application, and import the module beside `NowggAuthModule`. Spans are `nowgg.auth.verify` (verdicts that were not in
 * memory), `nowgg.auth.sign_in` and `nowgg.auth.refresh`; spans of HTTP calls come from the instrumentation of undici.
 *
 * @throws NowggConfigurationError with the name of every invalid option
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { NowggOpenTelemetryModule } from 'nestjs-nowgg-auth/opentelemetry';
 *
 * @Module({
 *   imports: [
 *     NowggAuthModule.forRoot({ clientId: process.env.NOWGG_CLIENT_ID ?? '' }),
 *     NowggOpenTelemetryModule.forRoot(),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Module({})
export class NowggOpenTelemetryModule implements OnModuleInit, OnApplicationShutdown {
  readonly #options: NowggOpenTelemetryOptions;
  readonly #health: NowggHealthService;
  readonly #clock: NowggClock;
  readonly #ends: (() => void)[] = [];

  constructor(
    @Inject(TELEMETRY_OPTIONS) options: NowggOpenTelemetryOptions,
    @Inject(NowggHealthService) health: NowggHealthService,
    @Inject(NowggClock) clock: NowggClock,
  ) {
    this.#options = options;
    this.#health = health;
    this.#clock = clock;
  }

  static forRoot(options: NowggOpenTelemetryOptions = {}): DynamicModule {
    refuse(faultsOf(RULES, options, 'NowggOpenTelemetryModule '));
    return {
      module: NowggOpenTelemetryModule,
      providers: [{ provide: TELEMETRY_OPTIONS, useValue: Object.freeze({ ...options }) }],
    };
  }

  onModuleInit(): void {
    const { meterProvider = metrics.getMeterProvider(), tracerProvider = trace.getTracerProvider() } = this.#options;
    this.#ends.push(
      observeMetrics(meterProvider.getMeter(SCOPE), this.#health),
      drawSpans(tracerProvider.getTracer(SCOPE), this.#clock),
    );
  }

  onApplicationShutdown(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

function observeMetrics(meter: Meter, health: NowggHealthService): () => void {
  const adders = new Map<MetricName, (value: number, labels: Labels) => void>();
  const observed: [Observable, ObservableCallback][] = [];
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const { help: description, kind } = METRICS[name];
    if (kind === 'counter') {
      const counter = meter.createCounter(name, { description });
      adders.set(name, (value, labels) => counter.add(value, present(labels)));
    } else if (kind === 'histogram') {
      const advice = { explicitBucketBoundaries: BUCKETS };
      const histogram = meter.createHistogram(name, { description, unit: 's', advice });
      adders.set(name, (value, labels) => histogram.record(value, present(labels)));
    } else {
      const about = { description, ...(name.endsWith('.age') && { unit: 's' }) };
      const observable =
        kind === 'gauge' ? meter.createObservableGauge(name, about) : meter.createObservableCounter(name, about);
      const read: ObservableCallback = (result) => {
        for (const { labels, value } of readMetric(name as ReadName, health)) result.observe(value, present(labels));
      };
      observable.addCallback(read);
      observed.push([observable, read]);
    }
  }
  const end = feedMetrics({
    add: (name, labels) => adders.get(name)?.(1, labels),
    record: (name, seconds, labels) => adders.get(name)?.(seconds, labels),
  });
  return () => {
    end();
    for (const [observable, read] of observed) observable.removeCallback(read);
  };
}

/** Draws spans when what they are about has ended. Events are published in the context of the request that waits. */
function drawSpans(tracer: Tracer, clock: NowggClock): () => void {
  const draw = (name: string, durationMs: number, attributes: Labels) => {
    const endTime = clock.now();
    tracer.startSpan(name, { startTime: endTime - durationMs, attributes: present(attributes) }).end(endTime);
  };
  const onMiss = (message: unknown) => {
    const { outcome, reason = '', provider = '', source, latencyMs } = message as NowggMissEvent;
    draw('nowgg.auth.verify', latencyMs, { outcome, reason, provider, source });
  };
  const onToken = (message: unknown) => {
    const event = message as NowggTokenEvent;
    if (event.type !== 'exchange' && event.type !== 'refresh') return;
    const { provider, outcome, durationMs } = event;
    draw(event.type === 'exchange' ? 'nowgg.auth.sign_in' : 'nowgg.auth.refresh', durationMs, { provider, outcome });
  };
  subscribe(NOWGG_MISS_CHANNEL, onMiss);
  subscribe(NOWGG_TOKEN_CHANNEL, onToken);
  return () => {
    unsubscribe(NOWGG_MISS_CHANNEL, onMiss);
    unsubscribe(NOWGG_TOKEN_CHANNEL, onToken);
  };
}

/** Without attributes that say nothing. */
function present(labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}
