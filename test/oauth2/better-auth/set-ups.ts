import assert from 'node:assert/strict';
import { introspection, jwt, oauth2, type OAuth2ProviderOptions, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { REDIRECT_URI } from '../support/identity-system.js';
import { WebGame } from '../support/web-game.js';
import { API, type BetterAuthSystem } from './system.js';

interface SetUp {
  readonly name: string;
  run(system: BetterAuthSystem): Promise<void>;
}

const byJwt = jwt({ audience: API, algorithms: ['EdDSA'], typ: false });
const forApi = { authorizationParameters: { resource: API }, tokenParameters: { resource: API } };

function gameFor({ url, client }: BetterAuthSystem, options: Partial<OAuth2ProviderOptions>): Promise<WebGame> {
  return WebGame.start([
    oauth2({
      name: 'web',
      issuer: url,
      clientId: client.client_id,
      clientSecret: client.client_secret,
      redirectUri: REDIRECT_URI,
      idTokenAlgorithm: 'EdDSA',
      verification: byJwt,
      ...options,
    }),
  ]);
}

async function signIn(game: WebGame, system: BetterAuthSystem) {
  const { url, cookie } = await game.authorization.authorizationUrl('web');
  const [pair] = cookie.header.split(';');
  return game.authorization.callback('web', { url: await system.visit(url), cookie: pair });
}

/** Signs in, is recognised, is refreshed twice, and ends the session. */
function works(options: Partial<OAuth2ProviderOptions>): SetUp['run'] {
  return async (system) => {
    await using game = await gameFor(system, options);
    const { accessToken, grant } = await signIn(game, system);
    assert.equal((await game.fetch('/guarded', accessToken.token)).status, 200);
    for (const generation of [2, 3]) {
      const refreshed = await game.tokens.refresh(grant.id);
      assert.equal(refreshed.generation, generation);
      assert.equal((await game.fetch('/guarded', refreshed.token)).status, 200);
    }
    const { token } = await game.tokens.getAccessToken(grant.id);
    await game.tokens.revoke(grant.id);
    assert.equal((await game.fetch('/guarded', token)).status, 401);
  };
}

function refused(options: Partial<OAuth2ProviderOptions>, cause: RegExp): SetUp['run'] {
  return async (system) => {
    await using game = await gameFor(system, options);
    await assert.rejects(signIn(game, system), { message: cause, status: 500 });
  };
}

export const setUps: readonly SetUp[] = [
  { name: 'opaque access tokens, introspection()', run: works({ verification: introspection() }) },
  { name: 'opaque access tokens, userinfo()', run: works({ verification: userinfo() }) },
  { name: 'JWT access tokens for a resource', run: works(forApi) },
  { name: 'opaque access tokens, jwt(): refused', run: refused({}, /not JWTs/) },
  { name: 'another algorithm of id_tokens: refused', run: refused({ idTokenAlgorithm: 'RS256' }, /idTokenAlgorithm/) },
  { name: 'a wrong client secret: refused', run: refused({ clientSecret: 'wrong' }, /clientSecret/) },
];
