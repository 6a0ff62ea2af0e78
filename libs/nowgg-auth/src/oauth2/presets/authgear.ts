import type { IdentityProviderDefinition } from '../../identity/identity-provider.js';
import { defineProvider } from '../provider/oauth2.js';
import type { OAuth2ClientOptions, VerificationChoice } from '../options/oauth2-options.js';
import { withoutTrailingSlash } from '../endpoints/secure-url.js';
import { jwt } from '../verification/jwt.js';
import { resolver } from './authgear-resolver.js';
import { userinfo } from '../verification/userinfo.js';

/** One client at an Authgear project. */
export interface AuthgearOptions extends OAuth2ClientOptions {
  /** The project's endpoint, such as `https://myapp.authgear.cloud`, with or without a slash at its end. */
  endpoint: string;
  /**
   * How access tokens are verified. Default `token`: JWTs by the project's keys, opaque ones by userinfo. `resolver`:
   * both by the resolver endpoint, which also notices a session that was ended.
   */
  verification?: 'token' | 'resolver';
  /** The `aud` of JWT access tokens. Default the endpoint's origin. */
  audience?: string;
  /** Hosts beside the endpoint's own that the project's discovery document may name. Default none. */
  endpointHosts?: readonly string[];
}

/**
 * Defines an identity provider for one Authgear client. JWT access tokens must be typed `at+jwt`, signed by RS256, and
 * name our `client_id`: their audience is shared by all first-party clients of the project.
 *
 * @throws NowggConfigurationError naming every option that is at fault, never its value
 */
export function authgear({
  endpoint,
  verification = 'token',
  audience,
  ...client
}: AuthgearOptions): IdentityProviderDefinition {
  const issuer = typeof endpoint === 'string' ? withoutTrailingSlash(endpoint) : endpoint;
  const origin = URL.canParse(issuer) ? new URL(issuer).origin : issuer;
  const byToken = { jwt: jwt({ audience: audience ?? origin }), opaque: userinfo() };
  const choice: VerificationChoice =
    verification === 'resolver' ? resolver({ url: `${issuer}/_resolver/resolve` }) : byToken;
  return defineProvider(
    {
      name: 'authgear',
      ...client,
      clientAuthentication: client.clientAuthentication ?? (client.clientSecret === undefined ? 'none' : 'post'),
      issuer,
      verification: choice,
    },
    'authgear',
  );
}
