import type { OnApplicationBootstrap, Provider } from '@nestjs/common';
import { NowggClock } from '../clock.js';
import { provide } from './provide.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { memoryRevocationStore } from '../revocation/memory-revocation-store.js';
import { NowggRevocationService } from '../revocation/nowgg-revocation.service.js';
import { Bans } from '../revocation/bans.js';
import { FeatureBans } from '../revocation/feature-bans.js';
import { isAnyFeatureRequired } from '../http/policy/policy.decorators.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { RevocationStore, type RevocationStoreWiring } from '../revocation/revocation-store.js';
import { TokenLives } from '../revocation/marks/token-lives.js';
import { NowggAuditService } from '../trail/nowgg-audit.service.js';
import { TokenStore } from '../tokens/store/token-store.js';
import { OPTIONAL_SHARED_CACHE } from '../verification/cache/shared-cache.js';
import { NowggLog } from '../events/nowgg-log.js';
import { MemoryTokenStore } from '../tokens/store/memory/memory-token-store.js';

/** Providers for revocations on the wired store; by default in the memory of the process. */
export function revocationProviders(wiring: RevocationStoreWiring = memoryRevocationStore()): Provider[] {
  return [
    {
      provide: RevocationStore,
      // Waits for the options, so that their faults are reported and not those of a store without options.
      useFactory: (_options: ResolvedNowggAuthOptions, clock: NowggClock, ...dependencies: unknown[]) =>
        wiring.create({ clock }, ...dependencies),
      inject: [RESOLVED_OPTIONS, NowggClock, ...wiring.inject],
    },
    provide(
      RevocationFeed,
      { store: RevocationStore, clock: NowggClock, hints: OPTIONAL_SHARED_CACHE, options: RESOLVED_OPTIONS },
      ({ store, clock, hints, options }) =>
        new RevocationFeed(store, clock, hints, new TokenLives(options.revocation.longestTokenLifeMs)),
    ),
    provide(
      FeatureBans,
      { store: RevocationStore, clock: NowggClock, hints: OPTIONAL_SHARED_CACHE, options: RESOLVED_OPTIONS },
      ({ store, clock, hints, options: { revocation } }) =>
        new FeatureBans({ store: store.features, clock, hints, ...revocation, areRequired: isAnyFeatureRequired }),
    ),
    provide(Bans, { store: RevocationStore, feed: RevocationFeed, clock: NowggClock }, (parts) => new Bans(parts)),
    provide(
      ReachWarning,
      { revocations: RevocationStore, tokens: { token: TokenStore, optional: true }, log: NowggLog },
      ({ revocations, tokens, log }) => new ReachWarning(revocations, tokens, log),
    ),
    provide(
      NowggAuditService,
      { revocations: RevocationStore, tokens: { token: TokenStore, optional: true }, providers: IdentityProviders },
      ({ revocations, tokens, providers }) =>
        new NowggAuditService({ trail: revocations.audit ?? tokens?.audit, providers }),
    ),
    provide(
      NowggRevocationService,
      {
        store: RevocationStore,
        feed: RevocationFeed,
        features: FeatureBans,
        providers: IdentityProviders,
        clock: NowggClock,
        options: RESOLVED_OPTIONS,
      },
      ({ options, ...parts }) =>
        new NowggRevocationService({ ...parts, clockSkewMs: options.verification.clockSkewMs }),
    ),
  ];
}

/** Warns at startup when processes share grants but not revocations. */
export class ReachWarning implements OnApplicationBootstrap {
  readonly #isShort: boolean;
  readonly #log: Pick<NowggLog, 'write'>;

  constructor(revocations: RevocationStore, tokens: TokenStore | undefined, log: Pick<NowggLog, 'write'>) {
    this.#log = log;
    this.#isShort = !revocations.isShared && tokens !== undefined && !(tokens instanceof MemoryTokenStore);
  }

  onApplicationBootstrap(): void {
    if (!this.#isShort) return;
    this.#log.write(
      'warn',
      'a sign-out or ban applies to this process only: give NowggAuthModule the wiring key revocationStore, ' +
        'for example typeOrmRevocationStore()',
    );
  }
}
