import type { IdentityProviderDefinition } from '../../identity/identity-provider.js';
import { defineProvider } from '../provider/oauth2.js';
import type { OAuth2ClientOptions } from '../options/oauth2-options.js';
import { withoutTrailingSlash } from '../../identity/urls.js';
import { faultsOf, isText, type Rules } from '../../rules.js';
import { tokenInfo, type TokenInfoMap } from '../verification/token-info.js';

/** One client at Samsung SAMI (later ARTIK Cloud). */
export interface SamiOptions extends OAuth2ClientOptions {
  clientSecret: string;
  /** Base URL of the accounts service. Default `https://accounts.samsungsami.io`. */
  baseUrl?: string;
  /** Address that names the user of a token. It is not part of SAMI's published flows, so there is no default. */
  tokenInfoUrl: string;
  /**
   * Fields of that answer. Default as ARTIK Cloud sends them: `data.user_id`, `data.client_id`, `data.expires_in`,
   * `data.device_id`.
   */
  tokenInfoMap?: TokenInfoMap;
  /**
   * Tells SAMI when a grant has ended, by `PUT /revokeAccessToken` with the access token in this query parameter.
   * Default: SAMI is not told, because logs keep addresses.
   */
  revokeAccessTokens?: { readonly parameter: string };
}

const DAY_MS = 86_400_000;
const BASE_URL = 'https://accounts.samsungsami.io';
const MAP: TokenInfoMap = {
  userId: 'data.user_id',
  clientId: 'data.client_id',
  expiresIn: 'data.expires_in',
  deviceId: 'data.device_id',
};
const REVOCATION: Rules = { parameter: [isText, 'must be a non-empty string', 'required'] };

/**
 * Defines an identity provider for one SAMI client: scopes separated by commas, client authentication by Basic (or in
 * the body, with `clientAuthentication: 'post'`), and opaque access tokens, including those that the player's device
 * got from the implicit flow.
 *
 * @throws NowggConfigurationError with the name of every invalid option, never its value
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { sami } from 'nestjs-nowgg-auth/oauth2';
 *
 * const owners = sami({
 *   clientId: process.env.SAMI_CLIENT_ID ?? '',
 *   clientSecret: process.env.SAMI_CLIENT_SECRET ?? '',
 *   tokenInfoUrl: process.env.SAMI_TOKEN_INFO_URL ?? '',
 * });
 *
 * export const auth = NowggAuthModule.forRoot({ identityProviders: [owners] });
 * ```
 */
export function sami(options: SamiOptions): IdentityProviderDefinition {
  const { baseUrl = BASE_URL, tokenInfoUrl, tokenInfoMap = MAP, revokeAccessTokens, ...client } = options;
  const base = typeof baseUrl === 'string' ? withoutTrailingSlash(baseUrl) : String(baseUrl);
  return defineProvider(
    {
      name: 'sami',
      scopes: ['read', 'write'],
      clientAuthentication: 'basic',
      ...client,
      scopeSeparator: ',',
      endpoints: { authorization: `${base}/authorize`, token: `${base}/token`, endSession: `${base}/logout` },
      verification: tokenInfo({ url: tokenInfoUrl, map: tokenInfoMap }),
    },
    'sami',
    {
      sendsStateAndScopeWithCode: true,
      // Refreshes work until 14 days after the access token has expired.
      refreshTokenIdle: { ms: 14 * DAY_MS, since: 'access_expiry' },
      revokeAccessToken: revokeAccessTokens && {
        url: `${base}/revokeAccessToken`,
        parameter: revokeAccessTokens.parameter,
      },
    },
    revokeAccessTokens === undefined ? [] : faultsOf(REVOCATION, revokeAccessTokens, 'revokeAccessTokens.'),
  );
}
