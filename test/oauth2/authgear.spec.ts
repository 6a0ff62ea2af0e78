import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { authgear, authgearUser } from 'nestjs-nowgg-auth/oauth2';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { authgearShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

describe.each(['jwt', 'opaque'] as const)('an Authgear project whose access tokens are %s', (format) => {
  let system: IdentitySystem;
  let game: WebGame;

  beforeEach(async () => {
    system = await IdentitySystem.start(authgearShape(format));
    game = await WebGame.start([
      authgear({
        endpoint: `${system.url}/`,
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        redirectUri: REDIRECT_URI,
        postLogoutRedirectUri: 'https://game.example/bye',
        scopes: ['openid', 'offline_access', 'read'],
      }),
    ]);
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  it('is asked at boot for its discovery document only', () => {
    expect(system.seen.map(({ path }) => path)).toEqual(['/.well-known/openid-configuration']);
  });

  it('signs a player in, whose token then passes the guard', async () => {
    const { principal, accessToken, grant, session } = await game.signIn();
    expect(principal).toMatchObject({ provider: 'authgear', userId: 'player-1', tokenType: 'token' });
    expect(grant).toMatchObject({ provider: 'authgear', userId: 'player-1', state: 'active', generation: 1 });
    expect(session).toMatch(/^[\w-]+\.[\w-]+$/);
    const reply = await game.fetch('/guarded', accessToken.token);
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ provider: 'authgear', userId: 'player-1' });
  });

  it('refreshes, and keeps the refresh token when the reply has none', async () => {
    system.tamper = (path, body) => {
      if (path !== '/oauth2/token') return body;
      const isRefresh = system.seenAt('/oauth2/token').length > 1;
      return isRefresh ? Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'refresh_token')) : body;
    };
    const { grant, accessToken } = await game.signIn();
    const second = await game.tokens.refresh(grant.id);
    expect(second.generation).toBe(2);
    expect(second.token).not.toBe(accessToken.token);
    expect((await game.tokens.refresh(grant.id)).generation).toBe(3);
    expect(await game.outcome((await game.tokens.getAccessToken(grant.id)).token)).toBe('valid');
  });

  it('is told when a grant is over', async () => {
    const { grant } = await game.signIn();
    await game.tokens.revoke(grant.id);
    await expect(game.tokens.getAccessToken(grant.id)).rejects.toMatchObject({
      errorCode: 'reauthentication_required',
    });
    await system.asked('/oauth2/revoke');
    expect(system.seenAt('/oauth2/revoke')).toHaveLength(1);
  });

  it('has an address that ends the browser session', async () => {
    const url = new URL((await game.authorization.endSessionUrl('authgear', { state: 's' })) ?? '');
    expect(`${url.origin}${url.pathname}`).toBe(`${system.url}/oauth2/end_session`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: CLIENT_ID,
      post_logout_redirect_uri: 'https://game.example/bye',
      state: 's',
    });
    const hints = { idTokenHint: 'a.b.c', logoutHint: 'player@example' };
    const hinted = new URL((await game.authorization.endSessionUrl('authgear', hints)) ?? '');
    expect([hinted.searchParams.get('id_token_hint'), hinted.searchParams.get('logout_hint')]).toEqual([
      'a.b.c',
      'player@example',
    ]);
  });

  it('does not get its id_token taken for an access token', async () => {
    let idToken = '';
    system.tamper = (path, body) => {
      if (path === '/oauth2/token') idToken = String(body.id_token);
      return body;
    };
    await game.signIn();
    expect(await game.outcome(idToken)).toMatch(/^invalid/);
    expect((await game.fetch('/guarded', idToken)).status).toBe(401);
  });

  it('whose token is nonsense is refused with 401, and is a 503 while the system is down', async () => {
    await game.signIn();
    expect((await game.fetch('/guarded', 'invalid_response')).status).toBe(401);
    system.mood = 'gone';
    expect((await game.fetch('/guarded', 'other-nonsense')).status).toBe(503);
  });
});

it('scopes, roles and flags of a JWT access token are in the principal', async () => {
  const system = await IdentitySystem.start(authgearShape('jwt'));
  const game = await WebGame.start([
    authgear({
      endpoint: system.url,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      redirectUri: REDIRECT_URI,
      scopes: ['openid', 'offline_access', 'read'],
    }),
  ]);
  const { principal } = await game.signIn();
  expect(principal.scopes).toEqual(['openid', 'read']);
  expect(authgearUser(principal)).toEqual({
    isAnonymous: false,
    isVerified: true,
    canReauthenticate: false,
    roles: ['moderator'],
  });
  await game[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});
