import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { NowggHealthService } from '../health/nowgg-health.service.js';
import {
  BUCKETS,
  type EventCounterName,
  feedMetrics,
  type HistogramName,
  METRICS,
  type MetricName,
  readMetric,
  type ReadName,
} from '../telemetry/metrics.js';

/** Registers every metric. Returns a function that ends it and takes them out of the registry. */
export function registerMetrics(registry: Registry, health: NowggHealthService): () => void {
  const registers = [registry];
  const counters = new Map<EventCounterName, Counter>();
  const histograms = new Map<HistogramName, Histogram>();
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const { help, kind, labels } = METRICS[name];
    const about = { name: prometheusName(name), help, labelNames: labels, registers };
    if (kind === 'counter') counters.set(name as EventCounterName, new Counter(about));
    else if (kind === 'histogram') histograms.set(name as HistogramName, new Histogram({ ...about, buckets: BUCKETS }));
    else if (kind === 'readCounter') readBy(name as ReadName, new Counter({ ...about, collect: collectCounter }));
    else readBy(name as ReadName, new Gauge({ ...about, collect: collectGauge }));
  }
  const end = feedMetrics({
    add: (name, labels) => counters.get(name)?.inc(labels),
    record: (name, seconds, labels) => histograms.get(name)?.observe(labels, seconds),
  });
  return () => {
    end();
    for (const name of Object.keys(METRICS) as MetricName[]) registry.removeSingleMetric(prometheusName(name));
  };

  function readBy(name: ReadName, metric: Counter | Gauge): void {
    readers.set(metric, () => readMetric(name, health));
  }
}

/** The reader of each metric that is read when metrics are collected. */
const readers = new WeakMap<object, () => ReturnType<typeof readMetric>>();

function collectCounter(this: Counter): void {
  this.reset();
  for (const { labels, value } of readers.get(this)?.() ?? []) this.inc(labels, value);
}

function collectGauge(this: Gauge): void {
  this.reset();
  for (const { labels, value } of readers.get(this)?.() ?? []) this.set(labels, value);
}

/** The name of a metric as Prometheus wants it: with its unit, and `_total` for a counter. */
export function prometheusName(name: MetricName): string {
  const { kind } = METRICS[name];
  const unit = kind === 'histogram' || name.endsWith('.age') ? '_seconds' : '';
  return `${name.replaceAll('.', '_')}${unit}${kind === 'counter' || kind === 'readCounter' ? '_total' : ''}`;
}
