import { EventChannel } from './event-channel.js';

/** A verdict that was not in memory. Contains no token, fingerprint or player data. */
export interface NowggMissEvent {
  readonly outcome: 'valid' | 'invalid' | 'unknown';
  /** The reason of an `invalid` or `unknown` outcome. */
  readonly reason?: string | undefined;
  /** Name of the identity provider, where one was found. */
  readonly provider?: string | undefined;
  /** `miss`: the identity system was asked. `shared`, `stale` and `none` as in `NowggVerificationEvent`. */
  readonly source: string;
  /** Time until the verdict, in milliseconds. */
  readonly latencyMs: number;
}

/** Name of the `node:diagnostics_channel` on which {@link NowggMissEvent} objects are published. */
export const NOWGG_MISS_CHANNEL = 'nestjs-nowgg-auth:misses';

const missChannel = new EventChannel<NowggMissEvent>(NOWGG_MISS_CHANNEL);

/** A number of verdicts of one kind. */
interface VerdictCount extends Omit<NowggMissEvent, 'latencyMs'> {
  readonly count: number;
}

/** Counts of the verdicts of this process, of all modules. A verdict from memory costs one addition. */
class VerificationCounts {
  /** Tokens that memory accepted. */
  hits = 0;
  /** Tokens that memory refused. */
  refusedHits = 0;
  /** Verdicts that the largest number of remembered ones pushed out of memory. */
  evictions = 0;
  readonly #misses = new Map<string, { readonly about: Omit<VerdictCount, 'count'>; count: number }>();

  missed(event: NowggMissEvent): void {
    const { outcome, reason, provider, source } = event;
    // Outcomes, reasons and sources are closed unions and providers are configured: the number of keys is bounded.
    const key = `${outcome} ${reason} ${provider} ${source}`;
    const known = this.#misses.get(key) ?? { about: { outcome, reason, provider, source }, count: 0 };
    known.count += 1;
    this.#misses.set(key, known);
    if (missChannel.isHeard) missChannel.publish(event);
  }

  read(): readonly VerdictCount[] {
    return [
      { outcome: 'valid', source: 'hit', count: this.hits },
      { outcome: 'invalid', source: 'hit', count: this.refusedHits },
      ...[...this.#misses.values()].map(({ about, count }) => ({ ...about, count })),
    ];
  }
}

export const verificationCounts = new VerificationCounts();
