import type { IdentityProviderDefinition } from '../../identity/identity-provider.js';
import { defineProvider } from '../provider/oauth2.js';
import type { OAuth2ClientOptions } from '../options/oauth2-options.js';
import { withoutTrailingSlash } from '../endpoints/secure-url.js';
import { tokenInfo, type TokenInfoMap } from '../verification/token-info.js';

/** One client at Samsung SAMI (later ARTIK Cloud). */
export interface SamiOptions extends OAuth2ClientOptions {
  clientSecret: string;
  /** Where the accounts service answers. Default `https://accounts.samsungsami.io`. */
  baseUrl?: string;
  /** The address that tells whose a token is. It is not part of SAMI's published flows, so there is no default. */
  tokenInfoUrl: string;
  /** Where that answer says what. Default as ARTIK Cloud has it: `data.userId`, `data.clientId`, `data.expiresIn`. */
  tokenInfoMap?: TokenInfoMap;
  /**
   * Tells SAMI when a grant is over, by `PUT /revokeAccessToken` with the access token in this parameter of the query.
   * Default: it is not told, because logs keep addresses.
   */
  revokeAccessTokens?: { readonly parameter: string };
}

const BASE_URL = 'https://accounts.samsungsami.io';
const MAP: TokenInfoMap = { userId: 'data.userId', clientId: 'data.clientId', expiresIn: 'data.expiresIn' };

/**
 * Defines an identity provider for one SAMI client: scopes with commas, client by Basic (or in the body, as
 * `clientAuthentication: 'post'`), opaque access tokens, also those that the implicit flow gave to the player's device.
 *
 * @throws NowggConfigurationError naming every option that is at fault, never its value
 */
export function sami(options: SamiOptions): IdentityProviderDefinition {
  const { baseUrl = BASE_URL, tokenInfoUrl, tokenInfoMap = MAP, revokeAccessTokens, ...client } = options;
  const base = typeof baseUrl === 'string' ? withoutTrailingSlash(baseUrl) : String(baseUrl);
  return defineProvider(
    {
      name: 'sami',
      scopes: ['read'],
      clientAuthentication: 'basic',
      ...client,
      scopeSeparator: ',',
      endpoints: { authorization: `${base}/authorize`, token: `${base}/token`, endSession: `${base}/logout` },
      verification: tokenInfo({ url: tokenInfoUrl, map: tokenInfoMap }),
    },
    'sami',
    {
      sendsStateAndScopeWithCode: true,
      revokeAccessToken: revokeAccessTokens && {
        url: `${base}/revokeAccessToken`,
        parameter: revokeAccessTokens.parameter,
      },
    },
  );
}
