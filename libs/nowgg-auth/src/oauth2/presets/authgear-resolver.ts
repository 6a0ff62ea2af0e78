import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { faultsOf, type Rule } from '../../rules.js';
import { factsOf } from '../verification/token-facts.js';
import { claimsOfHeaders, HEADER_PREFIX, type HeaderName } from './authgear-headers.js';
import { noAnswer, refusedToken } from '../verification/remote-answer.js';
import {
  secureUrlFaults,
  type TokenVerification,
  VerificationMethod,
  type MethodRequirements,
} from '../verification/verification-method.js';

export interface ResolverOptions {
  /** Address of the resolver endpoint. Absolute. */
  url: string;
}

/**
 * Verifies an access token, JWT or opaque, by Authgear's resolver endpoint. The endpoint answers 200 for any token and
 * names the session's user in its headers. It does not say for which client the token was issued.
 *
 * @example
 * ```ts
 * import { oauth2, resolver } from 'nestjs-nowgg-auth/oauth2';
 *
 * // As `authgear({ verification: 'resolver' })` does it, with another address of the resolver.
 * export const players = oauth2({
 *   name: 'authgear',
 *   issuer: 'https://myapp.authgear.cloud',
 *   clientId: process.env.AUTHGEAR_CLIENT_ID ?? '',
 *   verification: resolver({ url: 'https://auth.example.com/_resolver/resolve' }),
 * });
 * ```
 */
export function resolver(options: ResolverOptions): VerificationMethod {
  return new ResolverMethod(options);
}

class ResolverMethod extends VerificationMethod<ResolverOptions> {
  override readonly jwtOnly = false;
  override readonly local = false;

  constructor(options: ResolverOptions) {
    super('resolver', { ...options });
  }

  override faults({ allowInsecure }: MethodRequirements): string[] {
    const url: Rule = (value, name) => secureUrlFaults(value, name, allowInsecure);
    return faultsOf({ url }, this.settings, 'resolver ');
  }

  override create(client: OAuth2Client): TokenVerification {
    return { verify: async (token, signal) => askResolver(client, token, signal, this.settings.url) };
  }
}

async function askResolver(
  client: OAuth2Client,
  token: string,
  signal: AbortSignal,
  url: string,
): Promise<IdentityVerdict> {
  const call = client.call(signal, true);
  const response = await call.ask(url, { authorization: `Bearer ${token}` });
  if (response?.statusCode !== 200) return noAnswer(call);
  const header = (name: HeaderName) => response.headers?.[HEADER_PREFIX + name];
  const valid = header('session-valid');
  // Absent: there is no session. `false`: the session has ended.
  if (valid === undefined || valid === 'false') return refusedToken();
  const facts = valid === 'true' ? factsOf(client, claimsOfHeaders(header), { statesScopes: false }) : undefined;
  return facts ? { status: 'valid', facts } : noAnswer(call);
}
