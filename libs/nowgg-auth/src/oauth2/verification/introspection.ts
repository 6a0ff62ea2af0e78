import { tokenIntrospection } from 'openid-client';
import { MISCONFIGURATIONS } from '../endpoints/misconfiguration.js';
import type { InvalidReason } from '../../identity/reasons.js';
import { agreesWithToken } from '../../identity/token-agreement.js';
import { readAudience, readTimeClaim } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import { boundThumbprint } from '../../identity/proof-of-possession.js';
import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { faultsOf, isText, type Rules, TRUE_OR_FALSE, withoutAbsent } from '../../rules.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { factsOf } from './token-facts.js';
import { noAnswer, noAnswerAs, ownFinding, refusedToken } from './remote-answer.js';
import { type DpopOptions, dpopFaults, DpopProofs, dpopSettings } from '../../proofs/dpop.js';
import { isOfApplication, tokenKindOf } from './token-kind.js';
import { knowsAccessToken } from './userinfo.js';
import { type TokenVerification, VerificationMethod, type MethodRequirements } from './verification-method.js';

export interface IntrospectionOptions {
  /** Whether the token must have been issued for our client. Default true. */
  sameClient?: boolean;
  /**
   * Whether the answer about an access token must have a `token_type`. Default true: an answer without one is a 503,
   * because several systems mark refresh tokens by leaving it out. False is for systems that never send one. Such an
   * answer is then accepted only if the userinfo endpoint, where the system has one, accepts the token too, and no
   * longer once the system has sent a `token_type`.
   */
  requireTokenType?: boolean;
  /**
   * The `aud` that the answer must contain: the identifier of this API at the identity system. Default: not checked. Set
   * it where the clients of other APIs may introspect with the same credentials, or with `sameClient: false`.
   */
  audience?: string;
  /**
   * Accepts access tokens that are bound to a key of the client (DPoP, RFC 9449), each with a proof for its request.
   * Default: they are refused.
   */
  dpop?: DpopOptions;
}

/** Every setting has a value, except those that are switched off. */
type Settings = Required<Omit<IntrospectionOptions, 'audience' | 'dpop'>> &
  Pick<IntrospectionOptions, 'audience' | 'dpop'>;

const RULES: Rules<keyof IntrospectionOptions> = {
  sameClient: TRUE_OR_FALSE,
  requireTokenType: TRUE_OR_FALSE,
  audience: [isText, 'must be a non-empty string, or absent'],
  dpop: dpopFaults,
};

/**
 * Verifies an access token by introspection (RFC 7662). The answer also contains its client, scopes and expiry.
 *
 * @example
 * ```ts
 * import { introspection, oauth2 } from 'nestjs-nowgg-auth/oauth2';
 *
 * export const web = oauth2({
 *   name: 'web',
 *   issuer: 'https://id.example.com',
 *   clientId: process.env.OIDC_CLIENT_ID ?? '',
 *   clientSecret: process.env.OIDC_CLIENT_SECRET ?? '',
 *   verification: introspection(),
 * });
 * ```
 */
export function introspection(options: IntrospectionOptions = {}): VerificationMethod {
  return new IntrospectionMethod({ sameClient: true, requireTokenType: true, ...withoutAbsent(options) });
}

class IntrospectionMethod extends VerificationMethod<Settings> {
  override readonly jwtOnly = false;
  override readonly local = false;

  constructor(settings: Settings) {
    super('introspection', settings);
  }

  override faults({ clientSecret, clientPrivateKey, endpoints }: MethodRequirements): string[] {
    const faults = faultsOf(RULES, this.settings, 'introspection ');
    if (clientSecret === undefined && clientPrivateKey === undefined) {
      faults.push('clientSecret or clientPrivateKey is needed for introspection');
    }
    if (endpoints && endpoints.introspection === undefined) {
      faults.push('endpoints.introspection is needed for introspection');
    }
    return faults;
  }

  override create(client: OAuth2Client): TokenVerification {
    return new Introspection(client, this.settings);
  }
}

class Introspection implements TokenVerification {
  readonly proofs: DpopProofs | undefined;
  readonly #client: OAuth2Client;
  readonly #options: Settings;
  /** Whether this system has ever sent a `token_type`: then an answer without one means another kind. */
  #sendsTokenType = false;

  constructor(client: OAuth2Client, options: Settings) {
    this.#client = client;
    this.#options = options;
    const { dpop } = options;
    this.proofs = dpop && new DpopProofs(dpopSettings(dpop), client.clock, client.clockSkewMs);
  }

  async verify(token: string, signal: AbortSignal): Promise<IdentityVerdict> {
    const metadata = await this.#client.metadata(signal);
    if (metadata.status === 'failed') return { ...metadata, status: 'unknown' };
    const call = this.#client.call(signal, true);
    try {
      const configuration = this.#client.configuration(metadata.value, call);
      const answer = await tokenIntrospection(configuration, token, { token_type_hint: 'access_token' });
      if (!answer.active) return refusedToken();
      if (!agreesWithToken(decodeUnverifiedJws(token), { sub: answer.sub, exp: answer.exp })) return call.mismatched();
      const verdict = judge(this.#client, answer, metadata.value.issuer, this.#options) ?? noAnswer(call);
      return verdict.status === 'valid' ? await this.#judgeKind(token, answer, verdict, signal) : verdict;
    } catch {
      // A refusal concerns our client and says nothing about the token.
      const refusesClient = call.statusCode === 401 || call.statusCode === 403;
      if (refusesClient) this.#client.reportMisconfiguration(MISCONFIGURATIONS.introspectionClient);
      return refusesClient
        ? { status: 'unknown', reason: 'own_credentials_suspect' }
        : noAnswerAs(this.#client, call, 'application/token-introspection+jwt', 'introspectionJwt');
    }
  }

  explain(_token: string, reason: InvalidReason): string | undefined {
    return reason === 'wrong_client'
      ? 'introspection sameClient or audience: the answers about own tokens name another client or audience'
      : undefined;
  }

  async #judgeKind(
    token: string,
    answer: Readonly<Record<string, unknown>>,
    verdict: Extract<IdentityVerdict, { status: 'valid' }>,
    signal: AbortSignal,
  ): Promise<IdentityVerdict> {
    const kind = tokenKindOf(answer, token, answer.cnf !== undefined);
    if (kind === 'other') return ownFinding('invalid_token');
    if (kind === 'access') {
      this.#sendsTokenType = true;
      return verdict;
    }
    if (this.#options.requireTokenType) return this.#untold();
    if (this.#sendsTokenType) return ownFinding('invalid_token');
    const doubt = await knowsAccessToken(this.#client, token, verdict.facts.userId, signal);
    return doubt ?? verdict;
  }

  #untold(): IdentityVerdict {
    publishSecurityEvent({
      type: 'introspection_without_token_type',
      provider: this.#client.settings.name,
      detail: 'introspection({ requireTokenType: false }) is for systems that never send a token_type',
    });
    return { status: 'unknown', reason: 'invalid_response' };
  }
}

/** Judges an active answer. Undefined when it names no user. */
function judge(
  client: OAuth2Client,
  answer: Readonly<Record<string, unknown>>,
  issuer: string,
  { sameClient, audience, dpop }: Settings,
): IdentityVerdict | undefined {
  if (answer.iss !== undefined && answer.iss !== issuer) return ownFinding('invalid_token');
  // The token is bound to a key. Every decision asks for a proof of a key that can be proven.
  const isProvable = dpop !== undefined && boundThumbprint(answer.cnf) !== undefined;
  if (answer.cnf !== undefined && !isProvable) return ownFinding('invalid_token');
  if (sameClient && answer.client_id !== client.settings.clientId) return ownFinding('wrong_client');
  if (isOfApplication(answer, answer.client_id)) return ownFinding('wrong_token_type');
  if (audience !== undefined && readAudience(answer.aud)?.includes(audience) !== true)
    return ownFinding('wrong_client');
  const expiresAtMs = readTimeClaim(answer.exp);
  if (answer.exp !== undefined && expiresAtMs === undefined) return undefined;
  if (expiresAtMs !== undefined && expiresAtMs <= client.clock.now()) return ownFinding('expired_token');
  const facts = factsOf(client, answer, { issuer });
  return facts && { status: 'valid', facts };
}
