import {
  errorOfRefusal,
  errorOfUnknown,
  InvalidGrantError,
  SignedInElsewhereError,
  TooManySessionsError,
  UserBannedError,
} from '../../errors.js';
import { SIGNED_IN_ELSEWHERE, TOO_MANY_SESSIONS } from '../store/session-record.js';
import { SessionAdmissions } from './session-admission.js';
import type { IdTokenClaims } from '../../identity/id-token-claims.js';
import type { NowggPrincipal } from '../../principal.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import type { ExchangeRecord } from '../store/exchange-record.js';
import type { GrantRevoker } from '../ending/grant-revoker.js';
import type { GrantRecord } from '../store/grant-record.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';

/** Time for which a finished code without an attempt id gives the same grant, in milliseconds: a button that was hit twice. */
const UNPROVEN_REPLAY_MS = 5_000;

export interface ExchangedCode {
  readonly grant: GrantRecord;
  readonly principal: NowggPrincipal;
  /** Undefined for a code whose exchange was complete before. */
  readonly idToken?: IdTokenClaims | undefined;
  /** Whether the exchange of the code was complete before. */
  readonly isRepeated: boolean;
}

/** Answers for codes whose exchange is complete. */
export class CompletedExchanges {
  readonly #parts: TokenDependencies;
  readonly #authenticator: NowggAuthenticator;
  readonly #ending: GrantRevoker;
  readonly #admissions: SessionAdmissions;

  constructor(parts: TokenDependencies, authenticator: NowggAuthenticator, ending: GrantRevoker) {
    this.#admissions = new SessionAdmissions(parts, ending);
    this.#parts = parts;
    this.#authenticator = authenticator;
    this.#ending = ending;
  }

  /**
   * Returns the same grant for the same code, within `exchangeReplayMs`.
   * @param isSame whether the caller is the one whose exchange it was, or was there before it was finished
   * @param keyThumbprint the key that the caller has proven: a session is for the one whose key it has
   * @throws InvalidGrantError, IdentityUnavailableError
   */
  async replay(exchange: ExchangeRecord, isSame: boolean, keyThumbprint: string | undefined): Promise<ExchangedCode> {
    const { store, vault, timing } = this.#parts;
    const ageMs = exchange.readAtMs - (exchange.completedAtMs ?? 0);
    if (ageMs > timing.exchangeReplayMs) throw new InvalidGrantError();
    const found = await store.findGrant(exchange.grantId as string);
    if (!found || found.state === 'needs_reauth') throw new InvalidGrantError();
    if (!vault.isMadeFrom(exchange.codeHash, found)) {
      publishSecurityEvent({ type: 'relabelled_row', provider: found.provider });
      throw new InvalidGrantError();
    }
    // A sign-in that was not counted yet is not finished: its caller was told to send the code again.
    const isUnfinished = this.#parts.sessions.max !== undefined && found.admittedAtMs === undefined;
    if (found.keyThumbprint !== keyThumbprint) throw this.#refuseStranger(found.provider);
    const isOwn = isSame || keyThumbprint !== undefined;
    if (!isOwn && !isUnfinished) this.#judgeStranger(exchange, ageMs, found.provider);
    const grant = await this.unrevoked(found);
    const policy = { provider: grant.provider, tokenType: 'token' } as const;
    const context = { isSignIn: true };
    const verdict = await this.#authenticator.authenticate(vault.accessTokenOf(grant).token, policy, context);
    if (verdict.status === 'valid' && verdict.principal.userId === grant.userId) {
      return { grant, principal: verdict.principal, isRepeated: true };
    }
    if (verdict.status === 'invalid' && verdict.reason === 'user_banned') throw errorOfRefusal(verdict);
    throw verdict.status === 'unknown' ? errorOfUnknown(verdict) : new InvalidGrantError();
  }

  /**
   * Hands a sign-in to the application, which may refuse it: a new grant is then ended. Then counts it among the sessions
   * of its player.
   * @throws what the application throws
   * @throws TooManySessionsError, SignedInElsewhereError
   */
  async announce(signedIn: ExchangedCode): Promise<ExchangedCode> {
    try {
      await this.#parts.hooks.signedIn(signedIn);
    } catch (error) {
      if (!signedIn.isRepeated) await this.#ending.revoke(signedIn.grant.id);
      throw error;
    }
    await this.#admissions.admit(signedIn.grant);
    return signedIn;
  }

  /**
   * Returns the grant unless its user was signed out everywhere or banned during the sign-in. A ban that another
   * process, or SQL, has written may have been committed before the grant without ending it: only a check that begins
   * after the grant was stored is sure to find it.
   *
   * @throws InvalidGrantError, UserBannedError, SignedInElsewhereError, TooManySessionsError
   */
  async unrevoked(grant: GrantRecord): Promise<GrantRecord> {
    if (grant.state === 'revoked') {
      await this.#ending.finish([grant]);
      throw await this.#refusalOf(grant);
    }
    if (!(await this.#parts.grantRevocations?.isRefusedInStore(grant))) return grant;
    await this.#ending.revoke(grant.id);
    throw await this.#refusalOf(grant);
  }

  /** @throws InvalidGrantError when the sign-in had an attempt id, or was finished more than five seconds ago */
  #judgeStranger({ attemptKey }: ExchangeRecord, ageMs: number, provider: string): void {
    const isRefused = attemptKey !== undefined || ageMs > UNPROVEN_REPLAY_MS;
    if (isRefused) throw this.#refuseStranger(provider);
    publishSecurityEvent({ type: 'code_replayed', provider, detail: 'answered' });
  }

  #refuseStranger(provider: string): InvalidGrantError {
    publishSecurityEvent({ type: 'code_replayed', provider, detail: 'refused' });
    return new InvalidGrantError();
  }

  async #refusalOf(grant: GrantRecord): Promise<Error> {
    const ban = await this.#parts.grantRevocations?.findBanInStore(grant);
    if (ban) return new UserBannedError(ban);
    if (grant.failCode === TOO_MANY_SESSIONS) return new TooManySessionsError();
    return grant.failCode === SIGNED_IN_ELSEWHERE ? new SignedInElsewhereError() : new InvalidGrantError();
  }
}
