import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FoundToken, Provider, SystemShape } from './identity-system.js';

const authgearRoutes = {
  authorization: '/oauth2/authorize',
  token: '/oauth2/token',
  userinfo: '/oauth2/userinfo',
  revocation: '/oauth2/revoke',
  end_session: '/oauth2/end_session',
  jwks: '/oauth2/jwks',
};

const sharedFeatures = {
  devInteractions: { enabled: false },
  revocation: { enabled: true },
  introspection: { enabled: true },
  clientCredentials: { enabled: true },
};

/** Authgear: discovery, secret in the body, access tokens that are JWTs for the project's origin or opaque. */
export const authgearShape = (accessTokens: 'jwt' | 'opaque'): SystemShape => ({
  client: { token_endpoint_auth_method: 'client_secret_post' },
  configuration: (base) => ({
    routes: authgearRoutes,
    rotateRefreshToken: false,
    scopes: ['openid', 'offline_access', 'read'],
    claims: { openid: ['sub'], email: ['email'] },
    features: {
      ...sharedFeatures,
      resourceIndicators: {
        enabled: true,
        defaultResource: () => (accessTokens === 'jwt' ? base : undefined),
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'openid offline_access read',
          audience: base,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: () => ({
      'https://authgear.com/claims/user/is_verified': true,
      'https://authgear.com/claims/user/is_anonymous': false,
      'https://authgear.com/claims/user/roles': ['moderator'],
    }),
  }),
});

/** Working Group Two: Basic, opaque access tokens, pairwise subjects, refresh tokens that rotate. */
export const wgtwoShape: SystemShape = {
  trailingSlash: true,
  client: { token_endpoint_auth_method: 'client_secret_basic', subject_type: 'pairwise' },
  configuration: () => ({
    routes: {
      authorization: '/oauth2/auth',
      token: '/oauth2/token',
      userinfo: '/userinfo',
      revocation: '/oauth2/revoke',
      end_session: '/oauth2/sessions/logout',
      jwks: '/.well-known/jwks.json',
    },
    rotateRefreshToken: true,
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (_context: unknown, accountId: string, client: { clientId: string }) =>
      `pairwise-${client.clientId}-${accountId}`,
    scopes: ['openid', 'offline_access', 'phone'],
    claims: { openid: ['sub'], phone: ['phone_number', 'phone_number_verified'] },
    features: sharedFeatures,
  }),
};

/** SAMI: scopes with commas, its own addresses, token info and revocation, through a thin shim. */
export const samiShape: SystemShape = {
  client: { token_endpoint_auth_method: 'client_secret_basic', scope: 'read write' },
  configuration: () => ({
    routes: { authorization: '/authorize', token: '/token', end_session: '/logout' },
    rotateRefreshToken: false,
    ttl: { AuthorizationCode: 60, AccessToken: 3600, ClientCredentials: 3600 },
    scopes: ['read', 'write'],
    features: { ...sharedFeatures, rpInitiatedLogout: { enabled: true } },
  }),
  shim: samiShim,
};

async function samiShim(request: IncomingMessage, response: ServerResponse, provider: Provider): Promise<boolean> {
  const url = new URL(request.url ?? '/', provider.issuer);
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    return true;
  };
  const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (url.pathname === '/v1.1/accounts/tokenInfo') {
    const token = bearer === undefined ? undefined : await provider.AccessToken.find(bearer);
    if (!token || token.isExpired)
      return answer(401, { error: { code: 401, message: 'Please provide a valid token' } });
    return answer(200, { data: tokenInfoOf(token) });
  }
  if (url.pathname === '/revokeAccessToken' && request.method === 'PUT') {
    const token = await provider.AccessToken.find(url.searchParams.get('access_token') ?? '');
    await token?.destroy();
    return answer(200, { data: {} });
  }
  if (url.pathname === '/authorize' && url.searchParams.has('scope')) {
    url.searchParams.set('scope', (url.searchParams.get('scope') ?? '').replaceAll(',', ' '));
    request.url = `${url.pathname}${url.search}`;
  }
  if (url.pathname === '/token') await readCommas(request);
  return false;
}

/** The member names of ARTIK Cloud's API description (`TokenInfo`); a token of a user names no device. */
function tokenInfoOf({ accountId, clientId, remainingTTL }: FoundToken): object {
  return { client_id: clientId, device_id: null, expires_in: remainingTTL, user_id: accountId };
}

/** The provider takes the body that was read before it. */
async function readCommas(request: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  request.emit('form', text);
  const body = new URLSearchParams(text);
  if (body.has('scope')) body.set('scope', (body.get('scope') ?? '').replaceAll(',', ' '));
  Object.assign(request, { body: Object.fromEntries(body) });
}
