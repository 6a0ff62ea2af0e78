import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { NowggPrincipal } from '../../principal.js';
import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';
import { isIdentifier, readTimeClaim } from '../../identity/claims.js';
import { type IdTokenClaims, storedIdTokenClaims } from '../../identity/id-token-claims.js';
import type { IdentityProvider, TokenSet } from '../../identity/identity-provider.js';
import { IdentityUnavailableError, NowggConfigurationError, StoreUnavailableError } from '../../errors.js';
import type { AccessToken } from '../store/grant.js';
import {
  asSealed,
  FIRST_GENERATION,
  FIRST_SESSION_VERSION,
  type GrantRecord,
  type NewGrant,
  type TokenCommit,
} from '../store/grant-record.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { type KeyRing, SealedTextError, type SealContext, type SessionKey } from './key-ring.js';
import { publishTokenEvent } from '../events/token-events.js';

/** Stored in place of the refresh token of a sign-in that has none. */
export const NO_REFRESH_TOKEN = '';
const ORIGIN_LABEL = 'nestjs-nowgg-auth grant origin v1';

/** The values that the tokens of one generation of a grant are bound to. */
export type GrantSealContext = Omit<SealContext, 'purpose'>;

/** The owner of a ciphertext, for the event about one that cannot be decrypted. */
interface Owner {
  readonly provider: string;
  readonly grantId: string | undefined;
}

/** Encrypts tokens for rows and decrypts them. Only the vault and the identity providers see them in plain text. */
export class Vault {
  readonly ring: KeyRing;

  constructor(ring: KeyRing) {
    this.ring = ring;
  }

  /** @param token the access token in plain text, for a caller that already has it */
  accessTokenOf(grant: GrantRecord, token = this.#openToken(grant, 'access', grant.accessCiphertext)): AccessToken {
    const { accessTokenExpiresAtMs, generation } = grant;
    return {
      token,
      ...(accessTokenExpiresAtMs !== undefined && { expiresAt: new Date(accessTokenExpiresAtMs) }),
      generation,
    };
  }

  /**
   * Checks that the row still has the provider, client, user, session version and generation that its tokens were
   * encrypted for. A key that this process does not know yet proves nothing either way.
   *
   * @throws NowggConfigurationError when the row was relabelled
   */
  verifyLabels(grant: GrantRecord): void {
    try {
      this.#openToken(grant, 'access', grant.accessCiphertext);
    } catch (error) {
      if (!(error instanceof IdentityUnavailableError)) throw error;
    }
  }

  refreshTokenOf(grant: GrantRecord): string {
    return this.#openToken(grant, 'refresh', grant.refreshCiphertext);
  }

  /**
   * Builds the next generation of this grant from a token set. The old refresh token stays when the reply had none. Of an
   * access token that belongs to another user or client, as far as the reply itself shows, nothing is kept.
   */
  nextGeneration(provider: IdentityProvider, grant: GrantRecord, refreshToken: string, set: TokenSet): TokenCommit {
    const { id, generation, sessionVersion, readAtMs, attemptStartedAtMs } = grant;
    const jws = decodeUnverifiedJws(set.accessToken);
    const namesAnother = set.subject !== undefined && set.subject !== grant.userId;
    const isForeign = namesAnother || (jws !== undefined && provider.contradicts(jws, grant));
    const next = { ...sealContextOf(grant), generation: generation + 1 };
    // A predecessor in doubt may have caused this reply: its refresh then began with the predecessor's attempt. All times
    // are from before the call.
    const begunAtMs = Math.min(readAtMs, attemptStartedAtMs ?? readAtMs);
    return {
      id,
      generation,
      sessionVersion,
      ...this.sealTokens(next, isForeign ? '' : set.accessToken, set.refreshToken ?? refreshToken),
      accessTokenExpiresAtMs: accessTokenExpiry(set),
      refreshTokenExpiresAtMs: set.refreshTokenExpiresAtMs ?? keptRefreshExpiry(grant, set),
      isForeign,
      scopes: set.scopes,
      issued: { credentialId: provider.credentialIdOf(set.accessToken), begunAtMs },
    };
  }

  /**
   * Builds the grant for a verified token set.
   *
   * @param set has a refresh token, or {@link NO_REFRESH_TOKEN}
   * @param requested scopes of the authorization request, which a reply without scopes grants (RFC 6749 section 5.1)
   */
  firstGrant(
    provider: IdentityProvider,
    principal: NowggPrincipal,
    set: TokenSet,
    codeHash: string,
    requested?: readonly string[],
  ): NewGrant {
    const { name, clientKey } = provider;
    const { userId, sessionId = sessionIdOf(set.idToken) } = principal;
    const id = randomUUID();
    const owner = { id, provider: name, clientKey, userId };
    const context = { ...owner, sessionVersion: FIRST_SESSION_VERSION, generation: FIRST_GENERATION };
    const accessTokenExpiresAtMs = principal.expiresAt?.getTime() ?? accessTokenExpiry(set);
    const isRefreshable = set.refreshToken !== NO_REFRESH_TOKEN;
    return {
      ...owner,
      sessionId,
      ...this.sealTokens(context, set.accessToken, set.refreshToken as string),
      accessTokenExpiresAtMs,
      // The end of the grant, after which its row can be deleted.
      refreshTokenExpiresAtMs: isRefreshable ? set.refreshTokenExpiresAtMs : accessTokenExpiresAtMs,
      handleKeyId: this.ring.sealingKeyId,
      originMac: originMac((this.ring.derivedKeys(ORIGIN_LABEL)[0] as SessionKey).key, codeHash, id),
      scopes: set.scopes ?? (principal.scopes.length > 0 ? principal.scopes : requested),
      issued: { credentialId: provider.credentialIdOf(set.accessToken) },
    };
  }

  /** Whether a grant was made from this code, under any key of the ring. */
  isMadeFrom(codeHash: string, grant: Pick<GrantRecord, 'id' | 'originMac'>): boolean {
    return this.ring.derivedKeys(ORIGIN_LABEL).some(({ key }) => {
      const expected = originMac(key, codeHash, grant.id);
      return grant.originMac?.length === expected.length && timingSafeEqual(expected, grant.originMac);
    });
  }

  /** Encrypts a reply to a code, for storage between the call and the grant. */
  sealReply(provider: IdentityProvider, codeHash: string, set: TokenSet): Uint8Array {
    const { accessToken, accessTokenExpiresAtMs, refreshToken, refreshTokenExpiresAtMs, subject, scopes, idToken } =
      set;
    const times = { accessTokenExpiresAtMs, refreshTokenExpiresAtMs };
    const reply = { accessToken, refreshToken, ...times, subject, scopes, idToken };
    return this.ring.seal(JSON.stringify(reply), replyContextOf(provider, codeHash));
  }

  /**
   * Decrypts a stored reply. Only the output of {@link sealReply} can be decrypted, so its shape needs no second check.
   * @throws IdentityUnavailableError, NowggConfigurationError
   */
  openReply(provider: IdentityProvider, codeHash: string, replyCiphertext: Uint8Array): TokenSet {
    const owner = { provider: provider.name, grantId: undefined };
    const set = JSON.parse(this.#open(replyCiphertext, replyContextOf(provider, codeHash), owner)) as TokenSet;
    return { ...set, idToken: storedIdTokenClaims(set.idToken) };
  }

  sealTokens(context: GrantSealContext, accessToken: string, refreshToken: string) {
    return {
      accessCiphertext: this.ring.seal(accessToken, { ...context, purpose: 'access' }),
      refreshCiphertext: this.ring.seal(refreshToken, { ...context, purpose: 'refresh' }),
    };
  }

  /**
   * Decrypts a text, or throws an error that callers may see.
   * @throws IdentityUnavailableError, NowggConfigurationError
   */
  #open(sealed: Uint8Array, context: SealContext, owner: Owner): string {
    try {
      return this.ring.open(sealed, context);
    } catch (error) {
      if (!(error instanceof SealedTextError)) throw error;
      publishTokenEvent({ type: 'unreadable_ciphertext', ...owner, fault: error.fault });
      if (error.fault === 'tampered' && owner.grantId !== undefined) {
        publishSecurityEvent({ type: 'relabelled_row', provider: owner.provider });
      }
      // During a key rollout another process may already encrypt under a key that this process learns later.
      if (error.fault === 'unknown_key') throw new StoreUnavailableError();
      throw new NowggConfigurationError('a stored token cannot be decrypted: it or its row was changed, moved or cut');
    }
  }

  #openToken(grant: GrantRecord, purpose: 'access' | 'refresh', sealed: Uint8Array): string {
    const context = { ...sealContextOf(grant), purpose };
    return this.#open(sealed, context, { provider: grant.provider, grantId: grant.id });
  }
}

/**
 * The values that the tokens in this row are bound to. A revocation raises the session version and leaves the
 * ciphertexts as they are, so those of a revoked row belong to the version before.
 */
export function sealContextOf(grant: GrantRecord): GrantSealContext {
  const { id, provider, clientKey, userId, generation, sessionVersion } = asSealed(grant);
  return { id, provider, clientKey, userId, sessionVersion, generation };
}

function replyContextOf({ name, clientKey }: IdentityProvider, codeHash: string): SealContext {
  return { purpose: 'exchange', id: codeHash, provider: name, clientKey, userId: '', sessionVersion: 0, generation: 0 };
}

/** The stated expiry of a refresh token that the reply did not replace. A success after that time proves it wrong. */
function keptRefreshExpiry(
  { refreshTokenExpiresAtMs, readAtMs }: GrantRecord,
  { refreshToken }: TokenSet,
): number | undefined {
  if (refreshToken !== undefined || refreshTokenExpiresAtMs === undefined) return undefined;
  return refreshTokenExpiresAtMs > readAtMs ? refreshTokenExpiresAtMs : undefined;
}

/**
 * Ties a grant to the code that it was made from. The row of a claimed code names its grant in the clear: without this,
 * a database writer could let a code of their own lead to the grant of another player. A grant id has a fixed length, so
 * no two pairs have the same bytes.
 */
function originMac(key: Uint8Array, codeHash: string, grantId: string): Buffer {
  return createHmac('sha256', key).update(grantId).update(codeHash).digest();
}

/**
 * Expiry of a token that just came from the token endpoint, in epoch milliseconds. Its own claim is preferred to the
 * reply's field, whose format is not guaranteed. Good enough for scheduling, and not a verification.
 */
export function accessTokenExpiry(set: TokenSet): number | undefined {
  return readTimeClaim(decodeUnverifiedJws(set.accessToken)?.claims.exp) ?? set.accessTokenExpiresAtMs;
}

/** The session that an id_token names, for a logout token that names the same. */
function sessionIdOf(idToken: IdTokenClaims | undefined): string | undefined {
  return isIdentifier(idToken?.sid) ? idToken?.sid : undefined;
}
