import type { IdentityProvider } from '../identity/identity-provider.js';
import { tokenDigest } from '../identity/token-text.js';
import { principalOf, type TokenFacts } from '../principal.js';
import type { RevocationView } from '../revocation/revocation-feed.js';
import type { DistributedSingleFlight } from './cache/distributed-single-flight.js';
import { questionKey } from './cache/verdict-cache.js';
import { type Instant, VerificationResult } from './decision/verification-result.js';
import type { ClientEvidences } from './evidence/client-evidence.js';
import type { VerdictMemory } from './verdict-memory.js';

/**
 * Port: takes over facts about a token that the identity system has just issued, so that its first use needs no request.
 * They count neither as an acceptance that proves our client secret nor as a token that is asked about to test it.
 */
export abstract class VerdictPriming {
  /**
   * Remembers the facts for the first life of a verdict, here and in the shared cache, unless anything is known about the
   * token. Never throws.
   *
   * @param issuedAt when the request that brought the token was sent
   */
  abstract prime(token: string, provider: IdentityProvider, facts: TokenFacts, issuedAt: Instant): Promise<void>;
}

interface CachePrimingParts {
  readonly memory: VerdictMemory;
  readonly shared: DistributedSingleFlight;
  readonly evidence: ClientEvidences;
  readonly revocations: RevocationView;
}

/** Primes the memory and the shared cache of an authenticator. */
export class CachePriming extends VerdictPriming {
  readonly #parts: CachePrimingParts;

  constructor(parts: CachePrimingParts) {
    super();
    this.#parts = parts;
  }

  override async prime(token: string, provider: IdentityProvider, facts: TokenFacts, issuedAt: Instant): Promise<void> {
    const { memory, shared, evidence, revocations } = this.#parts;
    const { tokenType } = facts;
    const question = { digest: tokenDigest(token), token, tokenType, isPlausible: true };
    const issued = new VerificationResult({ status: 'valid', facts }, issuedAt, 'miss');
    issued.isVerified = false;
    // Older revocations may concern the token.
    await revocations.learn(principalOf(facts));
    if (!memory.isNew(question.digest) || evidence.of(provider.name).isDoubted(question.digest)) return;
    const key = questionKey(provider.name, question);
    memory.remember(key, provider, question, issued);
    // It is not remembered when it was issued ahead of our clock.
    if (memory.cache.accepted.has(key)) await shared.share(key, issued);
  }
}
