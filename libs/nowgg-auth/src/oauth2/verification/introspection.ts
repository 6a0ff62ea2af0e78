import { tokenIntrospection } from 'openid-client';
import { agreesWithToken } from '../../identity/nowgg/token-agreement.js';
import { readTimeClaim } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';
import type { OAuth2Client } from '../oauth2-client.js';
import type { OAuth2ProviderOptions } from '../oauth2-options.js';
import { factsOf } from '../token-facts.js';
import { noAnswer } from './remote-answer.js';
import { type TokenVerification, VerificationMethod } from './verification-method.js';

export interface IntrospectionOptions {
  /** Whether the token must have been issued for our client. Default true. */
  sameClient?: boolean;
}

/** Verifies an access token by introspection (RFC 7662): the answer tells its client, scopes and expiry too. */
export function introspection(options: IntrospectionOptions = {}): VerificationMethod {
  return new IntrospectionMethod(options.sameClient ?? true);
}

class IntrospectionMethod extends VerificationMethod {
  override readonly jwtOnly = false;
  override readonly local = false;
  readonly #sameClient: boolean;

  constructor(sameClient: boolean) {
    super();
    this.#sameClient = sameClient;
  }

  override faults({ clientSecret, endpoints }: OAuth2ProviderOptions): string[] {
    const faults = clientSecret === undefined ? ['clientSecret is needed for introspection'] : [];
    if (endpoints && endpoints.introspection === undefined) {
      faults.push('endpoints.introspection is needed for introspection');
    }
    return faults;
  }

  override create(client: OAuth2Client): TokenVerification {
    return { verify: async (token, signal) => introspect(client, token, signal, this.#sameClient) };
  }
}

async function introspect(
  client: OAuth2Client,
  token: string,
  signal: AbortSignal,
  sameClient: boolean,
): Promise<IdentityVerdict> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return { ...metadata, status: 'unknown' };
  const call = client.call(signal, true);
  try {
    const answer = await tokenIntrospection(client.configuration(metadata.value, call), token);
    // Not definite: a client that may not ask about this token is told the same (RFC 7662 section 2.2).
    if (!answer.active) return { status: 'invalid', reason: 'invalid_token' };
    if (!agreesWithToken(decodeUnverifiedJws(token), { sub: answer.sub, exp: answer.exp })) return call.mismatched();
    return judge(client, answer, metadata.value.issuer, sameClient) ?? noAnswer(call);
  } catch {
    // A refusal is one of our client, not of the token: it says nothing.
    return call.statusCode === 401 ? { status: 'unknown', reason: 'own_credentials_suspect' } : noAnswer(call);
  }
}

/** Undefined when the answer names no user. */
function judge(
  client: OAuth2Client,
  answer: Readonly<Record<string, unknown>>,
  issuer: string,
  sameClient: boolean,
): IdentityVerdict | undefined {
  const finding = (reason: 'wrong_client' | 'invalid_token' | 'expired_token'): IdentityVerdict => ({
    status: 'invalid',
    reason,
    definite: true,
    finding: true,
  });
  if (answer.iss !== undefined && answer.iss !== issuer) return finding('invalid_token');
  // Bound to a key that a bearer does not show.
  if (answer.cnf !== undefined || (answer.token_type !== undefined && !isBearer(answer.token_type))) {
    return finding('invalid_token');
  }
  if (sameClient && answer.client_id !== client.settings.clientId) return finding('wrong_client');
  const expiresAtMs = readTimeClaim(answer.exp);
  if (answer.exp !== undefined && expiresAtMs === undefined) return undefined;
  if (expiresAtMs !== undefined && expiresAtMs <= client.clock.now()) return finding('expired_token');
  const facts = factsOf(client, answer, { issuer });
  return facts && { status: 'valid', facts };
}

/** Some systems name here what kind of token it is: anything but an access token is refused. */
function isBearer(tokenType: unknown): boolean {
  return typeof tokenType === 'string' && /^(?:bearer|access_token)$/i.test(tokenType);
}
