import type { OnModuleDestroy } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { activeStates, type NowggActiveState } from '../events/state-events.js';
import { verificationCounts } from '../events/verification-counts.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { UpstreamStatistics, UpstreamWatches } from '../identity/transport/upstream-watch.js';
import type { ResolvedRevocationOptions } from '../options/options.js';
import type { RevocationFeed } from '../revocation/revocation-feed.js';
import type { ClientEvidences } from '../verification/evidence/client-evidence.js';

/** Why a process should get no requests. */
export type NowggUnreadyReason =
  /** Bans have not been read completely since the start, and `revocation.beforeFirstLoad` is `refuse`. */
  | 'bans_not_loaded'
  /** The process has been told to end. */
  | 'stopping';

/** Answer of {@link NowggHealthService.ready}. */
export interface NowggReadiness {
  readonly isReady: boolean;
  /** Empty when ready. */
  readonly reasons: readonly NowggUnreadyReason[];
}

/** A state in {@link NowggHealth}. */
export interface NowggHealthState {
  /** A state, or one of the security events `own_credentials_suspect` and `revocations_unread` while it lasts. */
  readonly type: NowggActiveState['type'] | 'own_credentials_suspect' | 'revocations_unread';
  readonly provider?: string | undefined;
  readonly detail?: string | undefined;
  /** How long it has lasted, in milliseconds. Absent where that is not known. */
  readonly lastedMs?: number | undefined;
}

/** Answer of {@link NowggHealthService.degraded}. */
export interface NowggHealth {
  readonly isDegraded: boolean;
  /** What does not work as it should. Empty when not degraded. */
  readonly states: readonly NowggHealthState[];
  /** What the calls of the last ten seconds show of each identity provider. */
  readonly identityProviders: Readonly<Record<string, UpstreamStatistics>>;
  /** Time since bans were read last, in milliseconds. Absent before the first reading. */
  readonly bansAgeMs?: number | undefined;
}

interface NowggHealthParts {
  readonly clock: NowggClock;
  readonly providers: IdentityProviders;
  readonly watches: UpstreamWatches;
  readonly evidence: ClientEvidences;
  readonly feed: RevocationFeed;
  readonly options: Pick<ResolvedRevocationOptions, 'beforeFirstLoad'>;
}

/**
 * Tells how this process is, from what it has seen: no method sends a statement or a call, so probes cost nothing and use
 * up no quota.
 *
 * @example
 * ```ts
 * import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
 * import { NowggHealthService, Public } from 'nestjs-nowgg-auth';
 *
 * @Public()
 * @Controller('health')
 * export class HealthController {
 *   constructor(private readonly health: NowggHealthService) {}
 *
 *   @Get('ready')
 *   ready() {
 *     const readiness = this.health.ready();
 *     if (!readiness.isReady) throw new ServiceUnavailableException(readiness);
 *     return readiness;
 *   }
 * }
 * ```
 */
export class NowggHealthService implements OnModuleDestroy {
  readonly #parts: NowggHealthParts;
  #isStopping = false;

  constructor(parts: NowggHealthParts) {
    this.#parts = parts;
  }

  /** The first hook of Nest when the process is told to end: requests under way are still served. */
  onModuleDestroy(): void {
    this.#isStopping = true;
  }

  /** Whether the process runs: a process that answers does. Nothing that a restart does not repair makes it false. */
  live(): true {
    return true;
  }

  /**
   * Whether the process should get requests. An identity system, Redis or a database that is away is not a reason: every
   * other process lacks it too, and players who are known are served from memory.
   */
  ready(): NowggReadiness {
    const { feed, options } = this.#parts;
    const reasons: NowggUnreadyReason[] = [];
    if (!feed.isLoaded && options.beforeFirstLoad === 'refuse') reasons.push('bans_not_loaded');
    if (this.#isStopping) reasons.push('stopping');
    return { isReady: reasons.length === 0, reasons };
  }

  /** What does not work as it should, for dashboards and alerts. Not for probes: a restart repairs none of it. */
  degraded(): NowggHealth {
    const { clock, providers, watches, evidence, feed } = this.#parts;
    const names = [...providers].map(({ name }) => name);
    const states: NowggHealthState[] = [
      ...activeStates(),
      ...names.filter((name) => evidence.of(name).hasDoubt).map((provider) => suspect(provider)),
      ...(feed.isCurrentAt(clock.monotonicNow()) ? [] : [UNREAD]),
    ];
    return {
      isDegraded: states.length > 0,
      states,
      identityProviders: Object.fromEntries(names.map((name) => [name, watches.of(name).read()])),
      bansAgeMs: feed.ageMs,
    };
  }

  /** Counts of verdicts of this process since its start, by outcome, reason and source; of all modules. */
  verdicts(): ReturnType<typeof verificationCounts.read> {
    return verificationCounts.read();
  }
}

const UNREAD: NowggHealthState = Object.freeze({ type: 'revocations_unread' });

function suspect(provider: string): NowggHealthState {
  return { type: 'own_credentials_suspect', provider };
}
