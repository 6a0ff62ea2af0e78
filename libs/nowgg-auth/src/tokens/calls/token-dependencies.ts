import { Bulkheads } from '../../resilience/bulkhead.js';
import type { NowggClock } from '../../clock.js';
import type { IdentityProviders } from '../../identity/identity-providers.js';
import { DEFAULTS } from '../../options/defaults.js';
import type { ResolvedSessionsOptions, ResolvedShutdownOptions, ResolvedTokensOptions } from '../../options/options.js';
import type { GrantRevocations } from '../../revocation/grant-revocations.js';
import type { TokenRevocations } from '../../revocation/issued-tokens.js';
import { ClientEvidences } from '../../verification/evidence/client-evidence.js';
import type { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import type { VerdictPriming } from '../../verification/verdict-priming.js';
import { CodeAdmission } from './code-admission.js';
import { ClientHistories } from './client-history.js';
import { Deadlines } from '../../resilience/deadlines.js';
import { KeyRing } from '../vault/key-ring.js';
import { DEFAULT_TIMING, type RefreshTiming, type TokensTiming } from './refresh-timing.js';
import { SeenGrants } from '../store/seen-grants.js';
import { StoredIssuedTokens } from '../store/stored-issued-tokens.js';
import type { TokenStore } from '../store/token-store.js';
import { TokenCounters } from '../events/token-events.js';
import { TokenCalls } from './token-calls.js';
import { PendingWrites } from './pending-writes.js';
import { Shutdown } from './shutdown.js';
import { SignInHooks } from './sign-in-hooks.js';
import { Vault } from '../vault/vault.js';

/** The dependencies of a `NowggTokenService`. */
export interface NowggTokenServiceDependencies {
  readonly store: TokenStore;
  readonly identityProviders: IdentityProviders;
  readonly authenticator: NowggAuthenticator;
  readonly clock: NowggClock;
  /** The resolved `tokens` options. */
  readonly options: ResolvedTokensOptions;
  /** Tolerated difference between the clocks, for proofs of session keys. Default: that of the options. */
  readonly clockSkewMs?: number | undefined;
  /** The resolved `shutdown` options. Default: those of an application that does not set them. */
  readonly shutdown?: ResolvedShutdownOptions | undefined;
  /** Refuses the tokens of a revoked grant here, before they expire. */
  readonly revocations?: TokenRevocations | undefined;
  /** Knows whether a grant's user or session is revoked. Absent where revocations are not kept. */
  readonly grantRevocations?: GrantRevocations | undefined;
  /** Knows the tokens whose exchange is in progress. Default: an instance of its own. */
  readonly issuedTokens?: StoredIssuedTokens | undefined;
  /** Evidence about the clients of this application. Default: none, every refusal of a code is believed. */
  readonly evidence?: ClientEvidences | undefined;
  /** Takes over what a refreshed token says of itself. Default: the first use of each token is verified. */
  readonly priming?: VerdictPriming | undefined;
  /** Durations of the protocol that are not options. */
  readonly timing?: Partial<RefreshTiming> | undefined;
}

/** The parts that the exchange and the refresh share. */
export interface TokenDependencies {
  readonly store: TokenStore;
  readonly vault: Vault;
  readonly identityProviders: IdentityProviders;
  readonly calls: TokenCalls;
  readonly codes: CodeAdmission;
  /** Places by client, separate from the exchanges of codes. */
  readonly refreshPlaces: Bulkheads;
  readonly clients: ClientHistories;
  readonly evidence: ClientEvidences;
  readonly unsaved: PendingWrites;
  readonly shutdown: Shutdown;
  readonly seen: SeenGrants;
  readonly counters: TokenCounters;
  readonly clock: NowggClock;
  readonly deadlines: Deadlines;
  readonly grantRevocations: GrantRevocations | undefined;
  readonly issuedTokens: StoredIssuedTokens;
  readonly priming: VerdictPriming | undefined;
  readonly hooks: SignInHooks;
  readonly sessions: ResolvedSessionsOptions;
  readonly timing: TokensTiming;
}

/** Maximum number of refreshes that wait for a place: for each of them, a player waits too. */
const MOST_WAITING_REFRESHES = 10_000;
const BELIEVES_ALL = { timeoutMs: 0, refusalsAreDefinite: true };

export function tokenParts(parts: NowggTokenServiceDependencies): TokenDependencies {
  const { store, identityProviders, clock, options, timing, grantRevocations } = parts;
  const { encryptionKeys, openFirstVersion, codeBudget, onSignIn, sessions, ...durations } = options;
  const ring = new KeyRing(encryptionKeys, { openFirstVersion });
  const counters = new TokenCounters();
  const allTiming = { ...DEFAULT_TIMING, ...timing, ...durations };
  const { graceMs, awaitReplies } = parts.shutdown ?? DEFAULTS.shutdown;
  const shutdown = new Shutdown(clock, awaitReplies ? Math.max(graceMs, allTiming.lateReplyMs) : graceMs);
  const evidence = parts.evidence ?? new ClientEvidences(identityProviders, clock, BELIEVES_ALL);
  return {
    store,
    vault: new Vault(ring),
    identityProviders,
    calls: new TokenCalls(clock, evidence, allTiming, shutdown.givenUp),
    codes: new CodeAdmission(clock, { ...allTiming, codeBudget }),
    refreshPlaces: new Bulkheads(clock, { places: allTiming.maxRefreshesInFlight, waiting: MOST_WAITING_REFRESHES }),
    clients: new ClientHistories(store, clock, allTiming, ring.secretFingerprintKey),
    evidence,
    unsaved: new PendingWrites(clock, allTiming.saveRetryMs, counters, shutdown.givenUp),
    shutdown,
    seen: new SeenGrants(),
    counters,
    clock,
    deadlines: new Deadlines(clock),
    grantRevocations,
    priming: parts.priming,
    hooks: new SignInHooks(onSignIn),
    sessions,
    issuedTokens: parts.issuedTokens ?? new StoredIssuedTokens(store),
    timing: allTiming,
  };
}
