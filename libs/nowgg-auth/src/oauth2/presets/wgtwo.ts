import type { IdentityProviderDefinition } from '../../identity/identity-provider.js';
import { defineProvider } from '../provider/oauth2.js';
import type { OAuth2ClientOptions } from '../options/oauth2-options.js';
import { withoutTrailingSlash } from '../../identity/urls.js';
import { userinfo } from '../verification/userinfo.js';

/** One client at Working Group Two. */
export interface WgtwoOptions extends OAuth2ClientOptions {
  clientSecret: string;
  /** Base URL of Working Group Two. Default `https://id.wgtwo.com`. */
  baseUrl?: string;
  /** The `iss` of its id_tokens. Default the base URL with a trailing slash. */
  issuer?: string;
}

const BASE_URL = 'https://id.wgtwo.com';

/**
 * Defines an identity provider for one Working Group Two client. Access tokens are opaque and verified by userinfo; the
 * principal has the phone number as `mobile` and a user id that other clients do not see. The id_token of a sign-in is
 * verified completely.
 *
 * @throws NowggConfigurationError with the name of every invalid option, never its value
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { wgtwo } from 'nestjs-nowgg-auth/oauth2';
 *
 * const subscribers = wgtwo({
 *   clientId: process.env.WGTWO_CLIENT_ID ?? '',
 *   clientSecret: process.env.WGTWO_CLIENT_SECRET ?? '',
 * });
 *
 * export const auth = NowggAuthModule.forRoot({ identityProviders: [subscribers] });
 * ```
 */
export function wgtwo({ baseUrl = BASE_URL, issuer, ...client }: WgtwoOptions): IdentityProviderDefinition {
  const base = typeof baseUrl === 'string' ? withoutTrailingSlash(baseUrl) : String(baseUrl);
  return defineProvider(
    {
      name: 'wgtwo',
      scopes: ['openid', 'phone', 'offline_access'],
      clientAuthentication: 'basic',
      ...client,
      issuer: issuer ?? `${base}/`,
      endpoints: {
        authorization: `${base}/oauth2/auth`,
        token: `${base}/oauth2/token`,
        userinfo: `${base}/userinfo`,
        jwks: `${base}/.well-known/jwks.json`,
        revocation: `${base}/oauth2/revoke`,
        endSession: `${base}/oauth2/sessions/logout`,
      },
      verification: userinfo(),
    },
    'wgtwo',
  );
}
