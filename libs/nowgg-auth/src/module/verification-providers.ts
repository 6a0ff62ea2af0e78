import { UpstreamWatches } from '../identity/transport/upstream-watch.js';
import { type Provider, Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { NowggAccountService } from '../account/nowgg-account.service.js';
import { NowggClock } from '../clock.js';
import { HeldConnections } from '../connections/held-connections.js';
import { provide } from './provide.js';
import { AxiosIdentityHttp } from '../identity/transport/axios-identity-http.js';
import { IdentityHttp, type IdentityHttpAgents } from '../identity/identity-http.js';
import type { IdentityProviderDefinition } from '../identity/identity-provider.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { IssuedTokens, TokenOwners } from '../revocation/issued-tokens.js';
import { Bans } from '../revocation/bans.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { CachingAuthenticator } from '../verification/caching-authenticator.js';
import { ClientEvidences } from '../verification/evidence/client-evidence.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { CallRates } from '../verification/remote/call-rates.js';
import { OPTIONAL_SHARED_CACHE, SharedCache, type SharedCacheWiring } from '../verification/cache/shared-cache.js';

/** Providers for everything between the HTTP client of the identity systems and the verdict. */
export function verificationProviders(
  sharedCache: SharedCacheWiring | undefined,
  httpAgents: IdentityHttpAgents | undefined,
): Provider[] {
  return [
    identityHttp(httpAgents),
    ...identityProviders,
    ...sharedCacheProviders(sharedCache),
    callRates,
    clientEvidences,
    authenticator,
    accountService,
    heldConnections,
  ];
}

function identityHttp(agents: IdentityHttpAgents | undefined): Provider {
  return {
    provide: AxiosIdentityHttp,
    useFactory: (clock: NowggClock) => new AxiosIdentityHttp(clock, agents),
    inject: [NowggClock],
  };
}

/** Closes kept-alive connections after the application has served its last request. */
@Injectable()
export class ConnectionCloser implements OnApplicationShutdown {
  readonly #http: AxiosIdentityHttp;
  readonly #watches: UpstreamWatches;
  readonly #sharedCache: SharedCache | undefined;

  constructor(
    http: AxiosIdentityHttp,
    watches: UpstreamWatches,
    @Inject(OPTIONAL_SHARED_CACHE) sharedCache: SharedCache | undefined,
  ) {
    this.#http = http;
    this.#watches = watches;
    this.#sharedCache = sharedCache;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#http.close();
    this.#watches.close();
    await this.#sharedCache?.close();
  }
}

const identityProviders: readonly Provider[] = [
  { provide: IdentityHttp, useExisting: AxiosIdentityHttp },
  ConnectionCloser,
  provide(UpstreamWatches, { clock: NowggClock }, ({ clock }) => new UpstreamWatches(clock)),
  provide(
    IdentityProviders,
    { options: RESOLVED_OPTIONS, http: IdentityHttp, watches: UpstreamWatches, clock: NowggClock },
    ({ options, http, watches, clock }) => {
      const { clockSkewMs } = options.verification;
      const create = (definition: IdentityProviderDefinition) =>
        definition.create({ http: watches.of(definition.name).over(http), clock, clockSkewMs });
      return new IdentityProviders(options.identityProviders.map(create));
    },
  ),
];

const authenticator = provide(
  NowggAuthenticator,
  {
    providers: IdentityProviders,
    resolved: RESOLVED_OPTIONS,
    clock: NowggClock,
    revocations: RevocationFeed,
    sharedCache: OPTIONAL_SHARED_CACHE,
    evidence: ClientEvidences,
    rates: CallRates,
    bans: Bans,
    issuedTokens: { token: IssuedTokens, optional: true },
    tokenOwners: { token: TokenOwners, optional: true },
  },
  ({ resolved: { verification: options, revocation }, ...parts }) =>
    new CachingAuthenticator({ ...parts, options, revocation }),
);

const heldConnections = provide(
  HeldConnections,
  { clock: NowggClock, authenticator: NowggAuthenticator, feed: RevocationFeed },
  ({ clock, authenticator: each, feed }) => new HeldConnections(clock, each, feed),
);

const callRates = provide(
  CallRates,
  {
    providers: IdentityProviders,
    resolved: RESOLVED_OPTIONS,
    clock: NowggClock,
    sharedCache: OPTIONAL_SHARED_CACHE,
  },
  ({ resolved: { verification: options }, ...parts }) => new CallRates({ ...parts, options }),
);

const clientEvidences = provide(
  ClientEvidences,
  { providers: IdentityProviders, options: RESOLVED_OPTIONS, clock: NowggClock, rates: CallRates },
  ({ providers, options, clock, rates }) => new ClientEvidences(providers, clock, options.verification, rates),
);

const accountService = provide(
  NowggAccountService,
  {
    providers: IdentityProviders,
    authenticator: NowggAuthenticator,
    options: RESOLVED_OPTIONS,
    clock: NowggClock,
    rates: CallRates,
  },
  ({ providers, authenticator, options, clock, rates }) =>
    new NowggAccountService(providers, authenticator, options.verification.timeoutMs, clock, rates),
);

function sharedCacheProviders(wiring: SharedCacheWiring | undefined): Provider[] {
  if (!wiring) return [{ provide: OPTIONAL_SHARED_CACHE, useValue: undefined }];
  return [
    {
      provide: SharedCache,
      useFactory: (clock: NowggClock, { sealingKey: text }: ResolvedNowggAuthOptions, ...dependencies: unknown[]) => {
        const sealingKey = text === undefined ? undefined : Buffer.from(text, 'base64');
        return wiring.create({ clock, sealingKey }, ...dependencies);
      },
      inject: [NowggClock, RESOLVED_OPTIONS, ...wiring.inject],
    },
    { provide: OPTIONAL_SHARED_CACHE, useExisting: SharedCache },
  ];
}
