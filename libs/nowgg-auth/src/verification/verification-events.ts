import { verificationCounts } from '../events/verification-counts.js';
import { createHmac, randomBytes } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import type { RefusalReason, UnknownReason } from '../identity/reasons.js';
import type { Verdict } from './decision/verdict.js';

/** The source of a verdict. `none`: decided, or given up, without the cache and without asking. */
export type VerdictSource = 'hit' | 'miss' | 'shared' | 'stale' | 'none';

/** The record of one decision about one token. Carries no token, id or player data. */
export interface NowggVerificationEvent {
  readonly outcome: Verdict['status'];
  /** The reason of an `invalid` or `unknown` outcome. */
  readonly reason: RefusalReason | UnknownReason | undefined;
  /** Name of the identity provider, where one was found. */
  readonly provider: string | undefined;
  readonly source: VerdictSource;
  /** Time until the verdict, in milliseconds; 0 for a hit. */
  readonly latencyMs: number;
  /**
   * Eight hex digits of an HMAC over the token's digest, with a key of this process: the same token gives the same
   * fingerprint until the process ends, and nothing else can be learned from it.
   */
  readonly fingerprint: string;
}

/** Name of the `node:diagnostics_channel` on which {@link NowggVerificationEvent} objects are published. */
export const NOWGG_VERIFICATION_CHANNEL = 'nestjs-nowgg-auth:verification';

/** The event channel. Check `hasSubscribers` before {@link publishVerification} where every microsecond counts. */
export const verificationChannel = channel(NOWGG_VERIFICATION_CHANNEL);
const fingerprintKey = randomBytes(32);

/** Counts a verdict that was not in memory, and publishes it if the channel has a subscriber. */
export function publishVerification(
  verdict: Verdict,
  source: VerdictSource,
  digest: string,
  about: { readonly provider?: string | undefined; readonly latencyMs?: number } = {},
): void {
  const provider = verdict.status === 'valid' ? verdict.principal.provider : about.provider;
  const reason = verdict.status === 'valid' ? undefined : verdict.reason;
  const { latencyMs = 0 } = about;
  verificationCounts.missed({ outcome: verdict.status, reason, provider, source, latencyMs });
  publishToSubscribers({ outcome: verdict.status, reason, provider, source, latencyMs }, digest);
}

/** Counts a verdict from memory, and publishes it if the channel has a subscriber. */
export function publishHit(verdict: Verdict, digest: string): void {
  if (verdict.status === 'valid') verificationCounts.hits += 1;
  else if (verdict.status === 'invalid') verificationCounts.refusedHits += 1;
  else return publishVerification(verdict, 'none', digest);
  if (!verificationChannel.hasSubscribers) return;
  const about =
    verdict.status === 'valid'
      ? ({ outcome: 'valid', reason: undefined, provider: verdict.principal.provider } as const)
      : ({ outcome: 'invalid', reason: verdict.reason, provider: undefined } as const);
  publishToSubscribers({ ...about, source: 'hit', latencyMs: 0 }, digest);
}

function publishToSubscribers(event: Omit<NowggVerificationEvent, 'fingerprint'>, digest: string): void {
  if (!verificationChannel.hasSubscribers) return;
  verificationChannel.publish({ ...event, fingerprint: fingerprintOf(digest) } satisfies NowggVerificationEvent);
}
/** Eight hex digits that stand for a token in records; see {@link NowggVerificationEvent.fingerprint}. */
export function fingerprintOf(digest: string): string {
  return createHmac('sha256', fingerprintKey).update(digest, 'latin1').digest('hex').slice(0, 8);
}
