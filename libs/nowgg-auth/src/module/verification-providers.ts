import { type Provider, Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { NowggAccountService } from '../account/nowgg-account.service.js';
import { NowggClock } from '../clock.js';
import { AxiosIdentityHttp } from '../identity/transport/axios-identity-http.js';
import { IdentityHttp, type IdentityHttpAgents } from '../identity/identity-http.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { IssuedTokens, TokenOwners } from '../revocation/issued-tokens.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { CachingAuthenticator } from '../verification/caching-authenticator.js';
import { ClientEvidences } from '../verification/evidence/client-evidence.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
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
    clientEvidences,
    authenticator,
    accountService,
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
  readonly #sharedCache: SharedCache | undefined;

  constructor(http: AxiosIdentityHttp, @Inject(OPTIONAL_SHARED_CACHE) sharedCache: SharedCache | undefined) {
    this.#http = http;
    this.#sharedCache = sharedCache;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#http.close();
    await this.#sharedCache?.close();
  }
}

const identityProviders: readonly Provider[] = [
  { provide: IdentityHttp, useExisting: AxiosIdentityHttp },
  ConnectionCloser,
  {
    provide: IdentityProviders,
    useFactory: (options: ResolvedNowggAuthOptions, http: IdentityHttp, clock: NowggClock) => {
      const context = { http, clock, clockSkewMs: options.verification.clockSkewMs };
      return new IdentityProviders(options.identityProviders.map((definition) => definition.create(context)));
    },
    inject: [RESOLVED_OPTIONS, IdentityHttp, NowggClock],
  },
];

const authenticator: Provider = {
  provide: NowggAuthenticator,
  useFactory: (
    providers: IdentityProviders,
    { verification: options, revocation }: ResolvedNowggAuthOptions,
    clock: NowggClock,
    revocations: RevocationFeed,
    sharedCache: SharedCache | undefined,
    evidence: ClientEvidences,
    issuedTokens: IssuedTokens | undefined,
    tokenOwners: TokenOwners | undefined,
  ) => {
    const known = { revocations, sharedCache, evidence, issuedTokens, tokenOwners };
    return new CachingAuthenticator({ providers, options, revocation, clock, ...known });
  },
  inject: [
    IdentityProviders,
    RESOLVED_OPTIONS,
    NowggClock,
    RevocationFeed,
    OPTIONAL_SHARED_CACHE,
    ClientEvidences,
    { token: IssuedTokens, optional: true },
    { token: TokenOwners, optional: true },
  ],
};

const clientEvidences: Provider = {
  provide: ClientEvidences,
  useFactory: (providers: IdentityProviders, { verification }: ResolvedNowggAuthOptions, clock: NowggClock) =>
    new ClientEvidences(providers, clock, verification),
  inject: [IdentityProviders, RESOLVED_OPTIONS, NowggClock],
};

const accountService: Provider = {
  provide: NowggAccountService,
  useFactory: (
    providers: IdentityProviders,
    authenticator: NowggAuthenticator,
    options: ResolvedNowggAuthOptions,
    clock: NowggClock,
  ) => new NowggAccountService(providers, authenticator, options.verification.timeoutMs, clock),
  inject: [IdentityProviders, NowggAuthenticator, RESOLVED_OPTIONS, NowggClock],
};

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
