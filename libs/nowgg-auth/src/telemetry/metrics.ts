import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { NOWGG_CALL_CHANNEL, type NowggCallEvent } from '../events/call-events.js';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from '../events/security-events.js';
import { verificationCounts } from '../events/verification-counts.js';
import type { NowggHealthService } from '../health/nowgg-health.service.js';
import { stateCause } from './state-causes.js';
import { NOWGG_TOKEN_CHANNEL, type NowggTokenEvent } from '../tokens/events/token-events.js';

/** Names and values of bounded sets only: never a user, a token or a fingerprint. */
export type Labels = Readonly<Record<string, string>>;

interface MetricDescription {
  readonly help: string;
  readonly kind: 'counter' | 'histogram' | 'gauge' | 'readCounter';
  readonly labels: readonly string[];
}

/**
 * Every metric. `counter` and `histogram` (in seconds) follow events, `gauge` and `readCounter` are read when metrics are
 * collected.
 */
export const METRICS = {
  'nowgg.auth.verifications': {
    help: 'Verdicts about tokens by outcome, reason and source; source hit is an answer from memory',
    kind: 'readCounter',
    labels: ['outcome', 'reason', 'source', 'provider'],
  },
  'nowgg.auth.verdict.evictions': {
    help: 'Verdicts that others pushed out of memory: raise verification.maxEntries when it grows fast',
    kind: 'readCounter',
    labels: [],
  },
  'nowgg.auth.state': {
    help: '1 while something does not work as it should, by type and cause',
    kind: 'gauge',
    labels: ['type', 'provider', 'cause'],
  },
  'nowgg.auth.ready': { help: '1 when the process should get requests, else 0', kind: 'gauge', labels: [] },
  'nowgg.auth.bans.age': { help: 'Seconds since bans were read last', kind: 'gauge', labels: [] },
  'nowgg.auth.call.duration': {
    help: 'Seconds that calls to identity systems took',
    kind: 'histogram',
    labels: ['provider', 'operation', 'status'],
  },
  'nowgg.auth.sign_in.duration': {
    help: 'Seconds that exchanges of codes took, by outcome',
    kind: 'histogram',
    labels: ['provider', 'outcome'],
  },
  'nowgg.auth.refresh.duration': {
    help: 'Seconds that refreshes took, by outcome',
    kind: 'histogram',
    labels: ['provider', 'outcome'],
  },
  'nowgg.auth.unreadable_ciphertexts': {
    help: 'Stored tokens that could not be decrypted',
    kind: 'counter',
    labels: ['provider', 'fault'],
  },
  'nowgg.auth.security_events': { help: 'Security events', kind: 'counter', labels: ['type', 'provider'] },
} as const satisfies Readonly<Record<string, MetricDescription>>;

export type MetricName = keyof typeof METRICS;
type NameOf<Kind extends MetricDescription['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
export type EventCounterName = NameOf<'counter'>;
export type HistogramName = NameOf<'histogram'>;
export type ReadName = NameOf<'gauge' | 'readCounter'>;

/** Upper bounds of the buckets of durations, in seconds. */
export const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Receives what events add to metrics. */
export interface MetricSink {
  add(name: EventCounterName, labels: Labels): void;
  record(name: HistogramName, seconds: number, labels: Labels): void;
}

/** Feeds a sink from the events of this process. Returns a function that ends it. */
export function feedMetrics(sink: MetricSink): () => void {
  const onCall = (message: unknown) => {
    const { provider, operation, status, durationMs } = message as NowggCallEvent;
    sink.record('nowgg.auth.call.duration', durationMs / 1000, { provider, operation, status });
  };
  const onToken = (message: unknown) => {
    const event = message as NowggTokenEvent;
    const { provider } = event;
    if (event.type === 'exchange') {
      sink.record('nowgg.auth.sign_in.duration', event.durationMs / 1000, { provider, outcome: event.outcome });
    } else if (event.type === 'refresh') {
      sink.record('nowgg.auth.refresh.duration', event.durationMs / 1000, { provider, outcome: event.outcome });
    } else if (event.type === 'unreadable_ciphertext') {
      sink.add('nowgg.auth.unreadable_ciphertexts', { provider, fault: event.fault });
    }
  };
  const onSecurity = (message: unknown) => {
    const { type, provider = '' } = message as NowggSecurityEvent;
    sink.add('nowgg.auth.security_events', { type, provider });
  };
  const listeners = [
    [NOWGG_CALL_CHANNEL, onCall],
    [NOWGG_TOKEN_CHANNEL, onToken],
    [NOWGG_SECURITY_CHANNEL, onSecurity],
  ] as const;
  for (const [channel, listener] of listeners) subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener);
  };
}

/** The present value of a metric that is read. */
export function readMetric(name: ReadName, health: NowggHealthService): { labels: Labels; value: number }[] {
  switch (name) {
    case 'nowgg.auth.verifications':
      return health.verdicts().map(({ outcome, reason = '', source, provider = '', count }) => ({
        labels: { outcome, reason, source, provider },
        value: count,
      }));
    case 'nowgg.auth.verdict.evictions':
      return [{ labels: {}, value: verificationCounts.evictions }];
    case 'nowgg.auth.state':
      return health.degraded().states.map(({ type, provider = '', detail }) => ({
        labels: { type, provider, cause: stateCause(detail) },
        value: 1,
      }));
    case 'nowgg.auth.ready':
      return [{ labels: {}, value: health.ready().isReady ? 1 : 0 }];
    case 'nowgg.auth.bans.age': {
      const { bansAgeMs } = health.degraded();
      return bansAgeMs === undefined ? [] : [{ labels: {}, value: bansAgeMs / 1000 }];
    }
  }
}
