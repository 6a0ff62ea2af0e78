import type { IdentityProviderDefinition } from '../../identity/identity-provider.js';
import { defineProvider } from '../provider/oauth2.js';
import type { OAuth2ClientOptions, VerificationChoice } from '../options/oauth2-options.js';
import { withoutTrailingSlash } from '../../identity/urls.js';
import { faultsOf, oneOf, type Rules } from '../../rules.js';
import { jwt } from '../verification/jwt.js';
import { type AuthgearForwarding, authgearForwarding, forwardingFaults } from './authgear-forwarding.js';
import { resolver } from './authgear-resolver.js';
import { userinfo } from '../verification/userinfo.js';

/** One client at an Authgear project. */
export interface AuthgearOptions extends OAuth2ClientOptions {
  /** The project's endpoint, such as `https://myapp.authgear.cloud`, with or without a trailing slash. */
  endpoint: string;
  /**
   * Verification of access tokens. Default `token`: JWTs by the project's keys, opaque ones by userinfo. `resolver`:
   * both by the resolver endpoint, which also recognises an ended session.
   */
  verification?: 'token' | 'resolver';
  /** The `aud` of JWT access tokens. Default the endpoint's origin. */
  audience?: string;
  /**
   * A proxy that asks the resolver about each request and hands its headers on: from it, a valid session in the headers
   * is the credential of a request, cookie sessions included, and a bearer token beside it is ignored. Default: such
   * headers are never believed.
   */
  forwarded?: AuthgearForwarding;
  /** Hosts, in addition to the endpoint's, that the project's discovery document may name. Default none. */
  endpointHosts?: readonly string[];
}

const DAY_MS = 86_400_000;
const RULES: Rules = {
  verification: [oneOf('token', 'resolver'), 'must be token or resolver'],
  forwarded: forwardingFaults,
};

/**
 * Defines an identity provider for one Authgear client. JWT access tokens must have the type `at+jwt`, an RS256
 * signature and our `client_id`, because all first-party clients of the project share their audience.
 *
 * @throws NowggConfigurationError with the name of every invalid option, never its value
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { authgear } from 'nestjs-nowgg-auth/oauth2';
 *
 * const players = authgear({
 *   endpoint: 'https://myapp.authgear.cloud',
 *   clientId: process.env.AUTHGEAR_CLIENT_ID ?? '',
 * });
 *
 * export const auth = NowggAuthModule.forRoot({ identityProviders: [players] });
 * ```
 */
export function authgear({
  endpoint,
  verification = 'token',
  audience,
  forwarded,
  ...client
}: AuthgearOptions): IdentityProviderDefinition {
  const issuer = typeof endpoint === 'string' ? withoutTrailingSlash(endpoint) : endpoint;
  const origin = URL.canParse(issuer) ? new URL(issuer).origin : issuer;
  const byToken = { jwt: jwt({ audience: audience ?? origin }), opaque: userinfo() };
  const choice: VerificationChoice =
    verification === 'resolver' ? resolver({ url: `${issuer}/_resolver/resolve` }) : byToken;
  const faults = faultsOf(RULES, { verification, forwarded });
  const forwarding = forwarded && faults.length === 0 ? { forwarding: authgearForwarding(forwarded) } : {};
  const usesSecret = client.clientAuthentication === undefined && client.clientSecret !== undefined;
  return defineProvider(
    {
      name: 'authgear',
      ...client,
      ...(usesSecret && { clientAuthentication: 'post' as const }),
      issuer,
      verification: choice,
    },
    'authgear',
    // Its default; set another one with `tokens.keepAlive.idleMs`.
    { ...forwarding, refreshTokenIdle: { ms: 30 * DAY_MS, since: 'use' } },
    faults,
  );
}
