import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';
import { readTimeClaim } from '../../identity/claims.js';
import type { TokenSet } from '../../identity/identity-provider.js';
import { IdentityUnavailableError, NowggConfigurationError } from '../../errors.js';
import type { AccessToken } from '../store/grant.js';
import { asSealed } from '../store/ended-grant.js';
import type { GrantRecord, TokenCommit } from '../store/grant-record.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { type KeyRing, SealedTextError, type SealContext } from './key-ring.js';
import { publishTokenEvent } from '../events/token-events.js';

/** What the tokens of one generation of a grant are bound to. */
export type GrantSealContext = Omit<SealContext, 'purpose'>;

/** Whose ciphertext it is, for the event that tells of one that does not open. */
interface Owner {
  readonly provider: string;
  readonly grantId: string | undefined;
}

/** Puts tokens into rows and takes them out. The only place, beside the identity providers, that sees them in clear. */
export class Vault {
  readonly ring: KeyRing;

  constructor(ring: KeyRing) {
    this.ring = ring;
  }

  /** @param token the same in clear, for who has it already */
  accessTokenOf(grant: GrantRecord, token = this.#openToken(grant, 'access', grant.accessCiphertext)): AccessToken {
    const { accessTokenExpiresAtMs, generation } = grant;
    return {
      token,
      ...(accessTokenExpiresAtMs !== undefined && { expiresAt: new Date(accessTokenExpiresAtMs) }),
      generation,
    };
  }

  /**
   * Checks that the row still carries the provider, client, user, session version and generation that its tokens were
   * sealed for. A key that this process does not know yet proves nothing either way.
   *
   * @throws NowggConfigurationError when it was relabelled
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
   * The token set as the next generation of this grant. The old refresh token stays when the reply had none.
   * @param withholds whether the access token belongs to another user: nothing of it is kept then
   */
  nextGeneration(grant: GrantRecord, refreshToken: string, set: TokenSet, withholds = false): TokenCommit {
    const { id, sessionVersion } = grant;
    const next = { ...sealContextOf(grant), generation: grant.generation + 1 };
    return {
      id,
      generation: grant.generation,
      sessionVersion,
      ...this.sealTokens(next, withholds ? '' : set.accessToken, set.refreshToken ?? refreshToken),
      accessTokenExpiresAtMs: accessTokenExpiry(set),
      refreshTokenExpiresAtMs:
        set.refreshTokenExpiresAtMs ?? (set.refreshToken === undefined ? grant.refreshTokenExpiresAtMs : undefined),
    };
  }

  sealTokens(context: GrantSealContext, accessToken: string, refreshToken: string) {
    return {
      accessCiphertext: this.ring.seal(accessToken, { ...context, purpose: 'access' }),
      refreshCiphertext: this.ring.seal(refreshToken, { ...context, purpose: 'refresh' }),
    };
  }

  /** Opens, or says what a caller may hear of it. @throws IdentityUnavailableError, NowggConfigurationError */
  open(sealed: Uint8Array, context: SealContext, owner: Owner): string {
    try {
      return this.ring.open(sealed, context);
    } catch (error) {
      if (!(error instanceof SealedTextError)) throw error;
      publishTokenEvent({ type: 'unreadable_ciphertext', ...owner, fault: error.fault });
      if (error.fault === 'tampered' && owner.grantId !== undefined) {
        publishSecurityEvent({ type: 'relabelled_row', provider: owner.provider });
      }
      // While keys are being rolled out another process may already seal under one that this process learns later.
      if (error.fault === 'unknown_key') throw new IdentityUnavailableError();
      throw new NowggConfigurationError('a stored token does not open: it was changed, moved or cut, or its row was');
    }
  }

  #openToken(grant: GrantRecord, purpose: 'access' | 'refresh', sealed: Uint8Array): string {
    const context = { ...sealContextOf(grant), purpose };
    return this.open(sealed, context, { provider: grant.provider, grantId: grant.id });
  }
}

/**
 * What the tokens in this row are bound to. A revocation raises the session version and leaves the ciphertexts as they
 * are, so those of a revoked row belong to the version before.
 */
export function sealContextOf(grant: GrantRecord): GrantSealContext {
  const { id, provider, clientKey, userId, generation, sessionVersion } = asSealed(grant);
  return { id, provider, clientKey, userId, sessionVersion, generation };
}

/**
 * When a token that just came from the token endpoint expires, epoch milliseconds. Its own claim is preferred to the
 * reply's field, whose format nobody promises; good enough to schedule by, and no verification.
 */
export function accessTokenExpiry(set: TokenSet): number | undefined {
  return readTimeClaim(decodeUnverifiedJws(set.accessToken)?.claims.exp) ?? set.accessTokenExpiresAtMs;
}
