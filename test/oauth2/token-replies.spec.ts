import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { jwt, oauth2, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { useSecurityEvents } from '../support/security-events.js';
import { Authenticated } from './support/authenticated.js';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, PHONE, REDIRECT_URI } from './support/identity-system.js';
import { Issuer } from './support/issuer.js';
import { wgtwoShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

type Body = Record<string, unknown>;
type Change = (body: Body, response: ServerResponse) => Body;

const TOKEN_PATH = '/oauth2/token';
const SECONDS_AHEAD = 7_776_000;
const USER_ID = `pairwise-${CLIENT_ID}-player-1`;

describe('a token reply that is not quite RFC 6749', () => {
  let system: IdentitySystem;
  let game: WebGame;
  const events = useSecurityEvents();
  const replyWith = (change: Change) => {
    system.tamper = (path, body, response) => (path === TOKEN_PATH ? change(body, response) : body);
  };

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };
    game = await WebGame.start([wgtwo({ baseUrl: system.url, ...client })]);
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  it.each<[string, Change]>([
    ['with scopes as a list', (body) => ({ ...body, scope: ['openid', 'phone'] })],
    ['with scope null', (body) => ({ ...body, scope: null })],
    ['without token_type, with expires_in null', ({ token_type: _type, ...body }) => ({ ...body, expires_in: null })],
    ['with token_type null', (body) => ({ ...body, token_type: null })],
    [
      'with status 201',
      (body, response) => {
        response.statusCode = 201;
        return body;
      },
    ],
  ])('%s signs a player in, refreshes, and is a token for the application', async (_name, change) => {
    replyWith(change);
    const { grant, accessToken } = await game.signIn();
    expect(await game.outcome(accessToken.token)).toBe('valid');
    const refreshed = await game.tokens.refresh(grant.id);
    expect(refreshed.generation).toBe(2);
    expect(await game.outcome(refreshed.token)).toBe('valid');
    expect(await game.applicationTokens.getApplicationToken()).toMatchObject({ token: expect.any(String) });
    expect(events.take()).toEqual([]);
  });

  it.each<[string, Change]>([
    ['with a scope that is a number', (body) => ({ ...body, scope: 7 })],
    ['with a list of scopes that are not texts', (body) => ({ ...body, scope: [{}] })],
    ['with a token of another type', (body) => ({ ...body, token_type: 'mac' })],
    ['with an access token that is a list', (body) => ({ ...body, access_token: ['x'], token_type: undefined })],
    ['with a lifetime before zero', (body) => ({ ...body, expires_in: -1 })],
    [
      'with status 202',
      (body, response) => {
        response.statusCode = 202;
        return body;
      },
    ],
  ])('%s is not accepted, and nothing is stored', async (_name, change) => {
    replyWith(change);
    await expect(game.signIn()).rejects.toMatchObject({ name: expect.stringContaining('Error') });
    expect(await game.tokens.listGrants(USER_ID)).toEqual([]);
  });

  it.each([
    ['refresh_expires_in of Keycloak', { refresh_expires_in: SECONDS_AHEAD }, true],
    ['refresh_token_expires_in of GitHub', { refresh_token_expires_in: SECONDS_AHEAD }, true],
    ['the same as digits', { refresh_token_expires_in: String(SECONDS_AHEAD) }, true],
    ["zero, which is Keycloak's never", { refresh_expires_in: 0 }, false],
    ['a negative number', { refresh_expires_in: -1 }, false],
    ['an impossible number', { refresh_expires_in: 1e300 }, false],
    ['another text', { refresh_token_expires_in: 'tomorrow' }, false],
    ['a list', { refresh_expires_in: [SECONDS_AHEAD] }, false],
  ])('reads %s as the expiry of the refresh token, if it can be one', async (_name, members, isKnown) => {
    replyWith((body) => ({ ...body, ...members }));
    const before = game.clock.now();
    const { grant } = await game.signIn();
    const expiry = (at = Number.NaN) => (at >= before + SECONDS_AHEAD * 1000 ? 'as stated' : 'wrong');
    const expected = isKnown ? 'as stated' : undefined;
    expect(grant.refreshTokenExpiresAt && expiry(grant.refreshTokenExpiresAt.getTime())).toBe(expected);
    await game.tokens.refresh(grant.id);
    const [refreshed] = await game.tokens.listGrants(USER_ID);
    expect(refreshed?.refreshTokenExpiresAt && expiry(refreshed.refreshTokenExpiresAt.getTime())).toBe(expected);
  });

  describe('with an id_token from a refresh that', () => {
    it.each<[string, (genuine: string) => unknown]>([
      ['names the player', (genuine) => genuine],
      ['is not a token', () => 'x.y.z'],
      ['is a number', () => 7],
      ['is null', () => null],
      ['is missing', () => undefined],
    ])('%s changes nothing: the new tokens are kept', async (_name, idTokenOf) => {
      const { grant } = await game.signIn();
      replyWith((body) => ({ ...body, id_token: idTokenOf(String(body.id_token)) }));
      const { token, generation } = await game.tokens.refresh(grant.id);
      expect(generation).toBe(2);
      expect(await game.outcome(token)).toBe('valid');
      expect(await game.tokens.refresh(grant.id)).toMatchObject({ generation: 3 });
      expect(events.take()).toEqual([]);
    });

    it('names another player: the tokens are not handed out, and an event says so', async () => {
      let foreign: unknown;
      replyWith((body) => {
        foreign = body.id_token;
        return body;
      });
      const other = new Browser();
      other.keep(system.url, 'player=player-2; Path=/');
      await game.signIn(other);
      replyWith((body) => body);
      const { grant } = await game.signIn();
      replyWith((body) => ({ ...body, id_token: foreign }));
      await expect(game.tokens.refresh(grant.id)).rejects.toMatchObject({ status: 503 });
      expect(await game.tokens.listGrants(USER_ID)).toMatchObject([{ state: 'suspect' }]);
      expect(events.take()).toEqual(['foreign_tokens_refreshed']);
    });
  });

  it('tells the application whether the phone number was verified, as the identity system says', async () => {
    const { principal } = await game.signIn();
    expect(principal).toMatchObject({ mobile: PHONE, claims: { phone_number: PHONE, phone_number_verified: true } });
    system.tamper = (_path, { phone_number_verified: _verified, ...body }) => body;
    const second = await game.signIn();
    expect(second.principal.mobile).toBe(PHONE);
    expect(second.principal.claims).not.toHaveProperty('phone_number_verified');
  });
});

describe('the session of a token', () => {
  it.each([
    ['a text', 'session-1', 'session-1'],
    ['empty', '', undefined],
    ['a number', 7, undefined],
    ['too long', 'x'.repeat(256), undefined],
    ['a list', ['session-1'], undefined],
  ])('is its sid, when that is %s', async (_name, sid, expected) => {
    await using issuer = await Issuer.start();
    const verification = jwt({ audience: 'https://api.example.com' });
    await using game = await Authenticated.by([
      oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT_ID, verification }),
    ]);
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + 60 };
    const claims = {
      iss: issuer.url,
      aud: 'https://api.example.com',
      sub: 'player-1',
      client_id: CLIENT_ID,
      jti: 'j1',
    };
    const verdict = await game.verdict(await issuer.sign({ ...claims, ...times, sid }));
    expect(verdict).toMatchObject({ status: 'valid', principal: { userId: 'player-1', sessionId: expected } });
    if (expected === undefined) return;
    await game.revocation.revoke({ sessionId: expected, provider: 'web' });
    expect(await game.outcome(await issuer.sign({ ...claims, ...times, sid, jti: 'j2' }))).toBe(
      'invalid: revoked_token',
    );
  });
});
