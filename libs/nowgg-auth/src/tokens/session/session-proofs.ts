import type { NowggClock } from '../../clock.js';
import { NowggConfigurationError, SessionProofError } from '../../errors.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { SESSION_KEY_ALGORITHM } from '../../identity/proof-of-possession.js';
import type { ResolvedSessionsOptions } from '../../options/options.js';
import { DpopProofs } from '../../proofs/dpop.js';
import { proofName } from '../../proofs/proof-name.js';
import type { GrantRecord } from '../store/grant-record.js';
import type { TokenStore } from '../store/token-store.js';
import type { Vault } from '../vault/vault.js';
import type { NowggSessionProof } from './presented-proof.js';

/** Time for which a proof is good after its `iat`, in milliseconds, and the span of a nonce. */
const PROOF_LIFE_MS = 60_000;
/** Processes whose clocks are so far apart, in milliseconds, accept no proof that another one has accepted. */
const CLOCKS_APART_MS = 600_000;

/** A key that the caller has proven to hold. */
export interface ProvenKey {
  /** RFC 7638, 43 base64url characters. */
  readonly thumbprint: string;
  /**
   * Claims the proof: to be called once, before what it was made for is used.
   * @throws SessionProofError when it was used before
   */
  claim(): Promise<void>;
}

interface SessionProofsParts {
  readonly store: TokenStore;
  readonly vault: Vault;
  readonly clock: NowggClock;
  readonly sessions: ResolvedSessionsOptions;
}

/** Checks the proofs of the keys that session handles are bound to. A refused proof uses nothing up. */
export class SessionProofs {
  readonly #store: TokenStore;
  readonly #binding: ResolvedSessionsOptions['binding'];
  /** Undefined where the address that proofs are made for is not known. */
  readonly #proofs: DpopProofs | undefined;

  constructor({ store, vault, clock, sessions }: SessionProofsParts, clockSkewMs: number) {
    const { binding, publicUrls } = sessions;
    this.#store = store;
    this.#binding = binding;
    if (publicUrls.length === 0) return;
    const nonceSecrets = vault.ring.derivedKeys('nestjs-nowgg-auth session proof nonce v1').map(({ key }) => key);
    const settings = {
      publicUrls,
      algorithms: [SESSION_KEY_ALGORITHM],
      proofLifeMs: PROOF_LIFE_MS,
      nonceSecrets,
      needsNonce: false,
    };
    this.#proofs = new DpopProofs(settings, clock, clockSkewMs);
  }

  /**
   * @returns the key that the new session is to be bound to; undefined for a session that is not bound
   * @throws SessionProofError
   */
  async ofSignIn(
    credential: string,
    presented: NowggSessionProof | undefined,
    provider: string,
  ): Promise<ProvenKey | undefined> {
    const isWithout = presented?.proof === undefined;
    if (this.#binding === 'off' || (this.#binding === 'offered' && isWithout)) return undefined;
    return this.#proven(credential, presented, provider);
  }

  /**
   * Demands a proof for the handle of a bound session, or for its handoff, and claims it.
   * @throws SessionProofError
   */
  async demand(
    credential: string,
    { keyThumbprint, provider }: GrantRecord,
    presented: NowggSessionProof | undefined,
  ): Promise<void> {
    const key = await this.#proven(credential, presented, provider);
    if (key.thumbprint !== keyThumbprint) throw refused('another_key', provider);
    await key.claim();
  }

  /**
   * Binds the session of a handoff to the key that is proven for it, or settles that it has none. Of several redemptions,
   * also at the same time, the first one decides.
   * @returns the thumbprint of the key; undefined for a session that is not bound
   * @throws SessionProofError
   */
  async settle(
    handoff: string,
    { id, sessionVersion, provider }: GrantRecord,
    presented: NowggSessionProof | undefined,
  ): Promise<string | undefined> {
    const key = await this.ofSignIn(handoff, presented, provider);
    await key?.claim();
    const keyThumbprint = key?.thumbprint;
    const isSettled = await this.#store.settleKey({ id, sessionVersion, keyThumbprint });
    if (!isSettled) throw refused(key ? 'another_key' : 'missing', provider);
    return keyThumbprint;
  }

  async #proven(credential: string, presented: NowggSessionProof | undefined, provider: string): Promise<ProvenKey> {
    if (!this.#proofs) {
      throw new NowggConfigurationError(
        'a session is bound to a key, and its proofs cannot be checked: routes.publicUrl or tokens.sessions.publicUrl ' +
          'is missing',
      );
    }
    const { proof, method = '', path = '' } = presented ?? {};
    if (proof === undefined) throw refused('missing', provider);
    const finding = await this.#proofs.check(proof, { token: credential, method, path });
    if (finding.status === 'refused') {
      // A client whose clock is wrong is told what to do: no event.
      if (finding.fault === 'nonce') throw new SessionProofError(finding.fault, this.#proofs.nonce());
      throw refused(finding.fault, provider);
    }
    const { thumbprint, id, lifeMs } = finding;
    return {
      thumbprint,
      claim: async () => {
        const isFirst = await this.#store.claimProof(proofName(thumbprint, id), lifeMs + CLOCKS_APART_MS);
        if (!isFirst) throw refused('replayed', provider);
      },
    };
  }
}

function refused(fault: string, provider: string): SessionProofError {
  publishSecurityEvent({ type: 'session_proof_refused', provider, detail: fault });
  return new SessionProofError(fault);
}
