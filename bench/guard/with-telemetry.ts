import type { DynamicModule } from '@nestjs/common';
import { NowggOpenTelemetryModule } from 'nestjs-nowgg-auth/opentelemetry';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** Metrics are collected and exported so often, in milliseconds. */
const EXPORT_MS = 1_000;

/** The module with all metrics and spans of the library, collected by the SDK of OpenTelemetry. */
export function withTelemetry(auth: DynamicModule): DynamicModule {
  class TelemetryModule {}
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: EXPORT_MS,
    exportTimeoutMillis: EXPORT_MS,
  });
  const telemetry = NowggOpenTelemetryModule.forRoot({
    meterProvider: new MeterProvider({ readers: [reader] }),
    tracerProvider: new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())] }),
  });
  return { module: TelemetryModule, imports: [auth, telemetry] };
}
