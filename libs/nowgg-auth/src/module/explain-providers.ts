import { NowggClock } from '../clock.js';
import { NowggExplainService } from '../explain/nowgg-explain.service.js';
import { IdentityProviders } from '../identity/identity-providers.js';
import { RESOLVED_OPTIONS } from '../options/options.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { RevocationStore } from '../revocation/revocation-store.js';
import { SessionEnds } from '../tokens/session/session-ends.js';
import { TokenStore } from '../tokens/store/token-store.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { provide } from './provide.js';

/** The service that explains players and tokens to support. */
export const explainService = provide(
  NowggExplainService,
  {
    store: { token: TokenStore, optional: true },
    revocationStore: RevocationStore,
    feed: RevocationFeed,
    providers: IdentityProviders,
    authenticator: NowggAuthenticator,
    clock: NowggClock,
    options: RESOLVED_OPTIONS,
  },
  ({ options: { tokens, verification }, ...parts }) => {
    const ends = tokens && new SessionEnds(tokens.sessions);
    return new NowggExplainService({
      ...parts,
      trail: parts.revocationStore.audit ?? parts.store?.audit,
      clockSkewMs: verification.clockSkewMs,
      hasHandleEnded: ends && ((grant) => ends.hasEnded(grant)),
    });
  },
);
