import { randomUUID } from 'node:crypto';
import type { NowggClock } from '../../clock.js';
import { IdentityUnavailableError, InvalidGrantError, InvalidRequestError } from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { NowggPrincipal } from '../../principal.js';
import type { NowggTokenService } from '../../tokens/nowgg-token-service.js';
import type { NowggSessionProof } from '../../tokens/session/presented-proof.js';
import type { AccessToken, CodeExchange } from '../../tokens/store/grant.js';
import type { TokenStore } from '../../tokens/store/token-store.js';
import type { KeyRing } from '../../tokens/vault/key-ring.js';
import type { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import {
  type Handoff,
  HANDOFF_LIFE_MS,
  hashOfHandoff,
  isVerifier,
  isVerifierOf,
  openHandoff,
  sealHandoff,
} from './handoff.js';

/** A session for the page that has redeemed a handoff. */
export type HandedOverSession = Pick<CodeExchange, 'grant' | 'accessToken' | 'principal' | 'session'>;

/** The services that a {@link HandoffDesk} uses. */
export interface HandoffParts {
  readonly ring: KeyRing;
  readonly store: TokenStore;
  readonly tokens: NowggTokenService;
  readonly authenticator: NowggAuthenticator;
  readonly clock: NowggClock;
}

/**
 * Hands finished sign-ins to the pages that began them. A handoff is good for 60 seconds, in any process, for the page
 * with the verifier; the same verifier gets the same session again, and any other verifier burns the handoff.
 */
export class HandoffDesk {
  readonly #parts: HandoffParts;

  constructor(parts: HandoffParts) {
    this.#parts = parts;
  }

  issue(session: string, challenge: string): string {
    const { ring, clock } = this.#parts;
    return sealHandoff(ring, { session, challenge, expiresAtMs: clock.now() + HANDOFF_LIFE_MS });
  }

  /**
   * @throws InvalidRequestError, InvalidGrantError, ReauthenticationRequiredError, IdentityUnavailableError
   * @throws SessionProofError, which burns nothing
   */
  async redeem(sealed: string, verifier: string, proof?: NowggSessionProof): Promise<HandedOverSession> {
    const { ring, clock, store, tokens } = this.#parts;
    if (!isVerifier(verifier)) throw new InvalidRequestError('the verifier is not valid');
    const handoff = openHandoff(ring, sealed);
    if (!handoff || handoff.expiresAtMs <= clock.now()) throw refused();
    const codeHash = hashOfHandoff(sealed);
    if (!isVerifierOf(verifier, handoff.challenge)) throw await this.#burn(handoff, codeHash);
    if (await store.findExchange(codeHash)) throw refused();
    const { grant, session } = await tokens.openSession(handoff.session, { proof, handoff: sealed });
    const accessToken = await tokens.getAccessToken(grant.id);
    return { grant, session, accessToken, principal: await this.#principalOf(accessToken, grant) };
  }

  async #burn({ expiresAtMs }: Handoff, codeHash: string): Promise<InvalidGrantError> {
    const { clock, store } = this.#parts;
    publishSecurityEvent({ type: 'foreign_handoff' });
    // Held until it cannot be used any more, whichever of the two clocks is ahead.
    const leaseMs = expiresAtMs - clock.now() + HANDOFF_LIFE_MS;
    await store.claimExchange({ codeHash, owner: randomUUID(), leaseMs });
    return refused();
  }

  async #principalOf({ token }: AccessToken, grant: CodeExchange['grant']): Promise<NowggPrincipal> {
    const { provider, userId } = grant;
    const verdict = await this.#parts.authenticator.authenticate(token, { provider, tokenType: 'token' });
    if (verdict.status === 'unknown') throw new IdentityUnavailableError(verdict.retryAfterSeconds);
    if (verdict.status === 'invalid' || verdict.principal.userId !== userId) throw refused();
    return verdict.principal;
  }
}

function refused(): InvalidGrantError {
  return new InvalidGrantError('the sign-in was not begun by this page, is too old, or was refused before');
}
