import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sami, type SamiOptions } from 'nestjs-nowgg-auth/oauth2';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { SamiWire } from './support/sami-wire.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const ID = '9628eef2a00d43d89b757b8d34373588';
const SECRET = 'gX1fBat3-bV_7FmfpZ.B~r1K';
const REDIRECT_URI = 'https://myapp.com/callback';
const BASIC = `Basic ${Buffer.from(`${ID}:${SECRET}`).toString('base64')}`;
const FORM = /^application\/x-www-form-urlencoded(?:;charset=UTF-8)?$/i;

describe('SAMI on the wire', () => {
  let clock: OffsetClock;
  let wire: SamiWire;
  let game: WebGame;

  const gameWith = async (options: Partial<SamiOptions> = {}) => {
    const tokenInfoUrl = `${wire.url}/v1.1/accounts/tokenInfo`;
    const client = { baseUrl: wire.url, clientId: ID, clientSecret: SECRET, redirectUri: REDIRECT_URI, tokenInfoUrl };
    const applicationScopes = ['read', 'write'];
    return WebGame.start([sami({ ...client, applicationScopes, ...options })], { clock, routes: true });
  };
  beforeEach(async () => {
    clock = new OffsetClock();
    wire = await SamiWire.start(clock);
    game = await gameWith();
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await wire[Symbol.asyncDispose]();
  });

  /** The player comes back with a code that was issued now; the callback can be sent later. */
  const begin = async (userId = 'asha') => {
    const { url, state, pending } = await game.authorization.authorizationUrl('sami');
    const callback = { url: `${REDIRECT_URI}?code=${wire.grantCode(userId)}&state=${state}`, pending };
    return { url: new URL(url), state, finish: async () => game.authorization.callback('sami', callback), callback };
  };
  const devicesOf = async (userId: string, token: string) => {
    const headers = { authorization: `bearer ${token}` };
    return (await fetch(`${wire.url}/v1.1/users/${userId}/devices`, { headers })).status;
  };

  it('begins as in the example of the page', async () => {
    const { url, state } = await begin();
    expect(`${url.origin}${url.pathname}`).toBe(`${wire.url}/authorize`);
    const {
      code_challenge: _challenge,
      code_challenge_method: _method,
      ...parameters
    } = Object.fromEntries(url.searchParams);
    expect(parameters).toEqual({
      client_id: ID,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      state,
      scope: 'read,write',
    });
    expect(url.search).toContain('scope=read%2Cwrite');
  });

  it('sends code, redirect URI, state and scopes in one form, and the client by Basic', async () => {
    const { state, finish, callback } = await begin();
    const { principal, accessToken } = await finish();
    const code = new URL(callback.url).searchParams.get('code');
    const [call] = wire.tokenCalls;
    expect(call?.authorization).toBe(BASIC);
    expect(call?.contentType).toMatch(FORM);
    expect(call?.body.replace(/(?<=code_verifier=)[\w-]{43}/, 'VERIFIER')).toBe(
      `state=${state}&scope=read%2Cwrite&redirect_uri=https%3A%2F%2Fmyapp.com%2Fcallback&code=${code}` +
        '&code_verifier=VERIFIER&grant_type=authorization_code',
    );
    expect(principal).toMatchObject({ provider: 'sami', userId: 'asha' });
    expect(await devicesOf('asha', accessToken.token)).toBe(200);
    expect(wire.tokenCalls).toHaveLength(1);
  });

  it('sends the code of a mobile application without a state', async () => {
    await game[Symbol.asyncDispose]();
    game = await gameWith({ acceptCodesAtLogin: true });
    const code = wire.grantCode('asha');
    expect((await game.post('/auth/login', { provider: 'sami', code })).status).toBe(200);
    expect(wire.tokenCalls.map(({ body }) => body)).toEqual([
      `scope=read%2Cwrite&redirect_uri=https%3A%2F%2Fmyapp.com%2Fcallback&code=${code}&grant_type=authorization_code`,
    ]);
  });

  it('refreshes with the refresh token alone, and keeps the one that comes back', async () => {
    const { grant } = await (await begin()).finish();
    await game.tokens.refresh(grant.id);
    clock.advance(3_600_000);
    await game.tokens.getAccessToken(grant.id);
    const refreshes = wire.tokenCalls.slice(1);
    expect(refreshes.map(({ body, authorization }) => [body, authorization])).toEqual([
      ['refresh_token=refresh-0&grant_type=refresh_token', BASIC],
      ['refresh_token=refresh-0&grant_type=refresh_token', BASIC],
    ]);
    expect(refreshes.every(({ contentType }) => FORM.test(contentType ?? ''))).toBe(true);
  });

  it('acts as the application for every player who has granted it, and for no other', async () => {
    await (await begin('asha')).finish();
    await (await begin('ravi')).finish();
    const { token } = await game.applicationTokens.getApplicationToken('sami');
    const call = wire.tokenCalls.at(-1);
    expect([call?.body, call?.authorization]).toEqual(['scope=read%2Cwrite&grant_type=client_credentials', BASIC]);
    expect(call?.contentType).toMatch(FORM);
    const players = ['asha', 'ravi', 'stranger'];
    expect(await Promise.all(players.map(async (userId) => devicesOf(userId, token)))).toEqual([200, 200, 403]);
    // It needs no player who is there, and outlives the sign-ins.
    await game.tokens.revokeUser('asha', { provider: 'sami' });
    expect(await devicesOf('asha', (await game.applicationTokens.getApplicationToken('sami')).token)).toBe(200);
    expect(wire.tokenCalls).toHaveLength(3);
  });

  it('asks for no scopes of the application where none are set', async () => {
    await game[Symbol.asyncDispose]();
    game = await gameWith({ applicationScopes: [] });
    await game.applicationTokens.getApplicationToken('sami');
    expect(wire.tokenCalls.map(({ body }) => body)).toEqual(['grant_type=client_credentials']);
  });

  it('sends id and secret in each form instead, and no header, where that is set', async () => {
    await game[Symbol.asyncDispose]();
    game = await gameWith({ clientAuthentication: 'post' });
    const { grant } = await (await begin()).finish();
    await game.tokens.refresh(grant.id);
    await game.applicationTokens.getApplicationToken('sami');
    const forms = wire.tokenCalls.map(({ body }) => new URLSearchParams(body));
    expect(forms.map((form) => [form.get('client_id'), form.get('client_secret')])).toEqual([
      [ID, SECRET],
      [ID, SECRET],
      [ID, SECRET],
    ]);
    expect(wire.tokenCalls.map(({ authorization }) => authorization)).toEqual([undefined, undefined, undefined]);
  });

  it('takes no token of a device or of the application for a player’s', async () => {
    const { token } = await game.applicationTokens.getApplicationToken('sami');
    expect(await game.outcome(token)).toBe('invalid: wrong_token_type');
    expect(await game.outcome(wire.issueDeviceToken('asha', ID))).toBe('invalid: wrong_token_type');
    expect((await game.fetch('/guarded', token)).status).toBe(401);
  });

  it('exchanges a code within its 60 seconds, and not after', async () => {
    const [early, late] = [await begin('asha'), await begin('ravi')];
    clock.advance(30_000);
    expect((await early.finish()).principal.userId).toBe('asha');
    clock.advance(31_000);
    await expect(late.finish()).rejects.toMatchObject({ status: 400, errorCode: 'invalid_grant' });
    expect(await game.tokens.listGrants('ravi', { provider: 'sami' })).toEqual([]);
    expect((await (await begin('ravi')).finish()).principal.userId).toBe('ravi');
  });

  it.each([500, 503, 429])('may be tried again after an outage (%s) while the code lives', async (status) => {
    const { finish } = await begin();
    wire.outage = status;
    await expect(finish()).rejects.toMatchObject({ status: 503, errorCode: 'identity_unavailable' });
    wire.outage = undefined;
    clock.advance(30_000);
    expect((await finish()).principal.userId).toBe('asha');
  });

  it.each(['invalid_grant', 'invalid_request'])(
    'that is tried again with a code that ended in the outage (%s) ends in a new sign-in, never in an outage for ever',
    async (codeError) => {
      wire.codeError = codeError;
      const { finish } = await begin();
      wire.outage = 503;
      await expect(finish()).rejects.toMatchObject({ status: 503 });
      wire.outage = undefined;
      clock.advance(90_000);
      const errors: unknown[] = [];
      for (let turn = 0; turn < 6; turn += 1) {
        errors.push(await finish().catch((error: unknown) => error));
        clock.advance(6_000);
      }
      expect(errors.filter((error) => !(error instanceof Error))).toEqual([]);
      expect(errors.at(-1)).toMatchObject({ status: 400 });
      expect(await game.tokens.listGrants('asha', { provider: 'sami' })).toEqual([]);
      expect((await (await begin()).finish()).principal.userId).toBe('asha');
    },
  );

  it('is not there when it says server_error, at whatever status', async () => {
    wire.codeError = 'server_error';
    const { finish } = await begin();
    clock.advance(61_000);
    await expect(finish()).rejects.toMatchObject({ status: 503 });
    expect(await game.tokens.listGrants('asha', { provider: 'sami' })).toEqual([]);
  });
});
