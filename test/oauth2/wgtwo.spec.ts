import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, PHONE, REDIRECT_URI } from './support/identity-system.js';
import { wgtwoShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const BASIC = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;

describe('Working Group Two', () => {
  let system: IdentitySystem;
  let game: WebGame;

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    game = await WebGame.start([
      wgtwo({ baseUrl: system.url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI }),
    ]);
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  it('is sent scope, nonce, state, prompt and a challenge', async () => {
    const { url, cookie } = await game.authorization.authorizationUrl('wgtwo', { prompt: 'login' });
    const { origin, pathname, searchParams } = new URL(url);
    expect(`${origin}${pathname}`).toBe(`${system.url}/oauth2/auth`);
    expect(Object.fromEntries(searchParams)).toEqual({
      response_type: 'code',
      client_id: CLIENT_ID,
      redirect_uri: REDIRECT_URI,
      scope: 'openid phone offline_access',
      prompt: 'login',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(cookie.header).toMatch(
      /^__Host-nowgg-sign-in-[\w-]+=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/,
    );
    expect(system.seen).toEqual([]);
  });

  it('signs a player in by Basic, with phone number and pairwise subject in the principal', async () => {
    const { principal, accessToken } = await game.signIn();
    expect(principal).toMatchObject({
      provider: 'wgtwo',
      userId: `pairwise-${CLIENT_ID}-player-1`,
      subject: `pairwise-${CLIENT_ID}-player-1`,
      mobile: PHONE,
      claims: { phone_number_verified: true },
    });
    expect(system.seenAt('/oauth2/token').map(({ authorization }) => authorization)).toEqual([BASIC]);
    expect((await game.fetch('/guarded', accessToken.token)).status).toBe(200);
  });

  it('rotates the refresh token at each refresh, and the vault follows', async () => {
    const { grant } = await game.signIn();
    for (let generation = 2; generation <= 5; generation += 1) {
      expect(await game.tokens.refresh(grant.id)).toMatchObject({ generation });
    }
    expect(await game.outcome((await game.tokens.getAccessToken(grant.id)).token)).toBe('valid');
  });

  it('is asked once when many want the same grant refreshed', async () => {
    const { grant } = await game.signIn();
    const refreshed = await Promise.all(
      Array.from({ length: 50 }, async () => game.tokens.refresh(grant.id, { ifGeneration: 1 })),
    );
    expect(new Set(refreshed.map(({ generation }) => generation))).toEqual(new Set([2]));
    expect(system.seenAt('/oauth2/token')).toHaveLength(2);
  });

  it('ends the grant by its reuse detection, which is a definite no', async () => {
    const stolen: string[] = [];
    system.tamper = (path, body) => {
      if (path === '/oauth2/token') stolen.push(String(body.refresh_token));
      return body;
    };
    const { grant } = await game.signIn();
    await game.tokens.refresh(grant.id);
    const replay = await fetch(`${system.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: BASIC, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: stolen[0] as string }),
    });
    expect(replay.status).toBe(400);
    await expect(game.tokens.refresh(grant.id)).rejects.toMatchObject({ errorCode: 'reauthentication_required' });
    expect(await game.tokens.listGrants(`pairwise-${CLIENT_ID}-player-1`)).toMatchObject([{ state: 'needs_reauth' }]);
  });

  it('leaves a grant alone while it is down, and while it refuses the client', async () => {
    const { grant } = await game.signIn();
    system.mood = 'broken';
    await expect(game.tokens.refresh(grant.id)).rejects.toMatchObject({ errorCode: 'identity_unavailable' });
    system.mood = 'up';
    expect(await game.tokens.listGrants(`pairwise-${CLIENT_ID}-player-1`)).toMatchObject([{ state: 'active' }]);
    const wrong = await WebGame.start([
      wgtwo({ baseUrl: system.url, clientId: CLIENT_ID, clientSecret: 'wrong', redirectUri: REDIRECT_URI }),
    ]);
    const browser = new Browser();
    const callback = await wrong.sendOut(browser);
    await expect(wrong.finish(browser, callback)).rejects.toMatchObject({ errorCode: 'configuration' });
    await wrong[Symbol.asyncDispose]();
  });

  it('keeps the players of two clients apart', async () => {
    const two = await WebGame.start([
      wgtwo({ baseUrl: system.url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI }),
      wgtwo({
        name: 'other',
        baseUrl: system.url,
        clientId: 'another-game',
        clientSecret: CLIENT_SECRET,
        redirectUri: REDIRECT_URI,
      }),
    ]);
    const browser = new Browser();
    const first = await two.signIn(browser, 'wgtwo');
    const second = await two.signIn(browser, 'other');
    expect([first.principal.provider, second.principal.provider]).toEqual(['wgtwo', 'other']);
    expect(first.principal.userId).not.toBe(second.principal.userId);
    // An opaque token is sent to no system unless the route names one.
    const asked = system.seenAt('/userinfo').length;
    expect(await two.outcome(`${first.accessToken.token}x`)).toBe('invalid: invalid_token');
    expect(system.seenAt('/userinfo')).toHaveLength(asked);
    expect(await two.outcome(first.accessToken.token, { provider: 'wgtwo' })).toBe('valid');
    await two[Symbol.asyncDispose]();
  });

  it('gives the application a token of its own, once for all who want one, and renews it early', async () => {
    const service = game.applicationTokens;
    const tokens = await Promise.all(Array.from({ length: 50 }, async () => service.getApplicationToken('wgtwo')));
    const first = tokens[0]?.token as string;
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
    expect(system.seenAt('/oauth2/token')).toHaveLength(1);
    const lifeMs = (tokens[0]?.expiresAt?.getTime() ?? 0) - game.clock.now();
    game.clock.advance(lifeMs * 0.95);
    expect((await service.getApplicationToken()).token).toBe(first);
    await system.asked('/oauth2/token');
    let renewed = first;
    while (renewed === first) {
      await new Promise(setImmediate);
      renewed = (await service.getApplicationToken()).token;
    }
    expect(system.seenAt('/oauth2/token')).toHaveLength(2);
    const other = await service.getApplicationToken('wgtwo', { insteadOf: renewed });
    expect(other.token).not.toBe(renewed);
    expect((await service.getApplicationToken('wgtwo', { insteadOf: renewed })).token).toBe(other.token);
  });

  it('may be down while the application has a token, and is a 503 when it has none', async () => {
    const { token } = await game.applicationTokens.getApplicationToken();
    system.mood = 'gone';
    game.clock.advance(570_000);
    expect((await game.applicationTokens.getApplicationToken()).token).toBe(token);
    game.clock.advance(600_000);
    await expect(game.applicationTokens.getApplicationToken()).rejects.toMatchObject({
      errorCode: 'identity_unavailable',
    });
  });
});
