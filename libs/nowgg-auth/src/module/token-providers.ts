import { type Provider, Scope } from '@nestjs/common';
import { NowggClock } from '../clock.js';
import { provide } from './provide.js';
import { NowggConfigurationError } from '../errors.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { GrantRevocations, WatermarkedGrants } from '../revocation/grant-revocations.js';
import { IssuedTokens, TokenOwners } from '../revocation/issued-tokens.js';
import { NowggRevocationService } from '../revocation/nowgg-revocation.service.js';
import { Bans } from '../revocation/bans.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { RevocationStore } from '../revocation/revocation-store.js';
import { NowggTokenService } from '../tokens/nowgg-token-service.js';
import { NowggKeepAliveService } from '../keep-alive/nowgg-keep-alive.service.js';
import { NowggVaultService } from '../tokens/upkeep/nowgg-vault-service.js';
import { StoredIssuedTokens } from '../tokens/store/stored-issued-tokens.js';
import { StoredTokenOwners } from '../tokens/stored-token-owners.js';
import { TokenStore, type TokenStoreWiring, WIRED_TOKEN_SERVICE } from '../tokens/store/token-store.js';
import { CachingAuthenticator } from '../verification/caching-authenticator.js';
import { ClientEvidences } from '../verification/evidence/client-evidence.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';

/** Providers of the services that use the wired token store. */
export function tokenProviders(wiring: TokenStoreWiring | undefined): Provider[] {
  if (!wiring) return [NowggTokenService, NowggVaultService, NowggKeepAliveService].map(withoutTokenStore);
  return [
    {
      provide: TokenStore,
      // Waits for the options, so that their faults are reported and not those of a store without options.
      useFactory: (_options: ResolvedNowggAuthOptions, clock: NowggClock, ...dependencies: unknown[]) =>
        wiring.create({ clock }, ...dependencies),
      inject: [RESOLVED_OPTIONS, NowggClock, ...wiring.inject],
    },
    provide(
      GrantRevocations,
      { store: RevocationStore, feed: RevocationFeed, bans: Bans, clock: NowggClock, options: RESOLVED_OPTIONS },
      ({ options: { verification, revocation }, ...parts }) =>
        new WatermarkedGrants({
          ...parts,
          clockSkewMs: verification.clockSkewMs,
          explainsBans: revocation.explainBans === 'everywhere',
        }),
    ),
    provide(StoredIssuedTokens, { store: TokenStore }, ({ store }) => new StoredIssuedTokens(store)),
    { provide: IssuedTokens, useExisting: StoredIssuedTokens },
    provide(
      TokenOwners,
      { store: TokenStore, identityProviders: IdentityProviders, revocations: NowggRevocationService },
      (parts) => new StoredTokenOwners(parts),
    ),
    provide(
      NowggTokenService,
      {
        store: TokenStore,
        identityProviders: IdentityProviders,
        authenticator: NowggAuthenticator,
        revocations: NowggRevocationService,
        grantRevocations: GrantRevocations,
        issuedTokens: StoredIssuedTokens,
        evidence: ClientEvidences,
        clock: NowggClock,
        resolved: RESOLVED_OPTIONS,
      },
      ({ resolved, ...parts }) => {
        const { authenticator } = parts;
        const service = new NowggTokenService({
          ...parts,
          priming: authenticator instanceof CachingAuthenticator ? authenticator.priming : undefined,
          options: tokenOptions(resolved),
          clockSkewMs: resolved.verification.clockSkewMs,
          shutdown: resolved.shutdown,
        });
        parts.revocations.onUserRevoked(({ userId, provider }) => service.revokeUser(userId, { provider }));
        return service;
      },
    ),
    provide(
      NowggKeepAliveService,
      {
        store: TokenStore,
        providers: IdentityProviders,
        tokens: NowggTokenService,
        clock: NowggClock,
        resolved: RESOLVED_OPTIONS,
      },
      ({ resolved, ...parts }) => new NowggKeepAliveService({ ...parts, options: tokenOptions(resolved).keepAlive }),
    ),
    { provide: WIRED_TOKEN_SERVICE, useExisting: NowggTokenService },
    provide(
      NowggVaultService,
      {
        store: TokenStore,
        identityProviders: IdentityProviders,
        revocationStore: RevocationStore,
        tokenService: NowggTokenService,
        resolved: RESOLVED_OPTIONS,
      },
      ({ tokenService, resolved, ...parts }) => {
        const { encryptionKeys, openFirstVersion } = tokenOptions(resolved);
        const finishBrokenOffEnds = () => tokenService.finishBrokenOffEnds();
        return new NowggVaultService({ ...parts, encryptionKeys, openFirstVersion, finishBrokenOffEnds });
      },
    ),
  ];
}

function tokenOptions({ tokens }: ResolvedNowggAuthOptions): NonNullable<ResolvedNowggAuthOptions['tokens']> {
  if (!tokens) throw new NowggConfigurationError('tokens.encryptionKeys is needed with a token store');
  return tokens;
}

/** Transient, so that it throws only where it is injected: a singleton would stop applications that only verify. */
function withoutTokenStore(
  service: typeof NowggTokenService | typeof NowggVaultService | typeof NowggKeepAliveService,
): Provider {
  return {
    provide: service,
    scope: Scope.TRANSIENT,
    useFactory: () => {
      throw new NowggConfigurationError(
        `${service.name} needs a token store: give NowggAuthModule the wiring key tokenStore, ` +
          'for example memoryTokenStore() or typeOrmTokenStore()',
      );
    },
  };
}
