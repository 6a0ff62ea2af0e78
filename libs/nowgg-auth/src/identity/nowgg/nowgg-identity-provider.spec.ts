import { beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityHttp, type IdentityHttpOutcome, type IdentityHttpRequest } from '../identity-http.js';
import { decodeUnverifiedJws } from '../unverified-jws.js';
import { jwsOf } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import type { IdentityProvider } from '../identity-provider.js';
import { nowgg } from './nowgg.js';

class ScriptedHttp extends IdentityHttp {
  readonly requests: IdentityHttpRequest[] = [];
  dropped = 0;
  outcome: IdentityHttpOutcome = { status: 'failed', sent: 'no', reason: 'network' };

  /** Sets the outcome of a request. */
  answer: ((request: IdentityHttpRequest) => void) | undefined;

  override async send(request: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    this.requests.push(request);
    this.answer?.(request);
    return this.outcome;
  }

  reply(json: unknown, statusCode = 200, retryAfterMs?: number): void {
    const drop = () => {
      this.dropped += 1;
    };
    // Every reply is parsed anew.
    this.outcome = { status: 'reply', statusCode, json: structuredClone(json), retryAfterMs, drop };
  }
}

const clock = new ManualClock();
const NOW_S = clock.now() / 1000;
const signal = new AbortController().signal;
const tokenClaims = {
  iss: 'https://now.gg',
  tokenId: 't1',
  aud: 'game',
  sessionId: 's1',
  userId: 'u1',
  scope: 'email profile',
  iat: NOW_S,
  exp: NOW_S + 3600,
};
const idTokenClaims = {
  iss: 'https://now.gg',
  sub: 'sub-1',
  aud: 'game',
  exp: String(NOW_S + 3600),
  iat: NOW_S,
  auth_time: NOW_S - 5,
  email: 'p@example.com',
  mobile: '+46700',
  userId: 'u1',
  name: 'Player One',
  picture: 'https://example.com/p.png',
  countryCode: 'SE',
};
const success = (decodedData: unknown) => ({ success: true, code: 'VERIFICATION_SUCCESS', decodedData, msg: 'ok' });

let http: ScriptedHttp;
let provider: IdentityProvider;

beforeEach(() => {
  http = new ScriptedHttp();
  const definition = nowgg({ clientId: 'game', clientSecret: 'secret' });
  provider = definition.create({ http, clock, clockSkewMs: 5_000 });
});

describe('verify-token', () => {
  it('is asked with the secret for a token and without it for an id_token', async () => {
    await provider.verify('abc', 'token', signal);
    await provider.verify('abc', 'id_token', signal);
    expect(http.requests.map((request) => [request.method, request.url, request.json])).toEqual([
      [
        'POST',
        'https://now.gg/accounts/oauth2/v1/verify-token',
        { token_type: 'token', token: 'abc', client_id: 'game', client_secret: 'secret' },
      ],
      [
        'POST',
        'https://now.gg/accounts/oauth2/v1/verify-token',
        { token_type: 'id_token', token: 'abc', client_id: 'game' },
      ],
    ]);
  });

  it("gives a token's facts", async () => {
    http.reply(success(tokenClaims));
    expect(await provider.verify('abc', 'token', signal)).toEqual({
      status: 'valid',
      facts: expect.objectContaining({
        provider: 'nowgg',
        tokenType: 'token',
        userId: 'u1',
        sessionId: 's1',
        tokenId: 't1',
        issuer: 'https://now.gg',
        scopes: ['email', 'profile'],
        issuedAtMs: clock.now(),
        expiresAtMs: clock.now() + 3_600_000,
        claims: tokenClaims,
      }),
    });
  });

  it("gives an id_token's facts, with times as strings too", async () => {
    http.reply(success(idTokenClaims));
    expect(await provider.verify('abc', 'id_token', signal)).toEqual({
      status: 'valid',
      facts: expect.objectContaining({
        tokenType: 'id_token',
        userId: 'u1',
        subject: 'sub-1',
        email: 'p@example.com',
        mobile: '+46700',
        name: 'Player One',
        picture: 'https://example.com/p.png',
        countryCode: 'SE',
        scopes: [],
        authTimeMs: clock.now() - 5_000,
        expiresAtMs: clock.now() + 3_600_000,
      }),
    });
  });

  it.each([200, 400, 401, 403, 404])('is believed in its no at status %i', async (statusCode) => {
    http.reply({ success: false, code: 'INVALID_TOKEN', msg: 'x' }, statusCode);
    expect(await provider.verify('abc', 'token', signal)).toEqual({ status: 'invalid', reason: 'invalid_token' });
    http.reply({ success: false, code: 'EXPIRED_TOKEN' }, statusCode);
    expect(await provider.verify('abc', 'token', signal)).toEqual({ status: 'invalid', reason: 'expired_token' });
  });

  it.each([
    ['no JSON', undefined, 200],
    ['an array', [], 200],
    ['true', true, 200],
    ['a 500 that says success', success(tokenClaims), 500],
    ['a 503 that refuses', { success: false, code: 'INVALID_TOKEN' }, 503],
    ['a 302 that says success', success(tokenClaims), 302],
    ['a 302 that refuses', { success: false, code: 'INVALID_TOKEN' }, 302],
    ['a 429 that refuses', { success: false, code: 'INVALID_TOKEN' }, 429],
    ['success with a refusal code', { success: true, code: 'INVALID_TOKEN' }, 200],
    ['a refusal code without success: false', { code: 'INVALID_TOKEN' }, 200],
    ['a refusal with an unknown code', { success: false, code: 'SOMETHING' }, 400],
    ['a refusal with an inherited name for a code', { success: false, code: 'constructor' }, 400],
    ['a refusal without a code', { success: false }, 401],
    ['success as text', { ...success(tokenClaims), success: 'true' }, 200],
    ['no decodedData', { success: true, code: 'VERIFICATION_SUCCESS' }, 200],
    ['decodedData null', success(null), 200],
    ['decodedData []', success([]), 200],
    ['decodedData a string', success('x'), 200],
    ['decodedData {}', success({}), 200],
    ['no userId', success({ ...tokenClaims, userId: undefined }), 200],
    ['an empty userId', success({ ...tokenClaims, userId: '' }), 200],
    ['a numeric userId', success({ ...tokenClaims, userId: 7 }), 200],
    ['an object for a userId', success({ ...tokenClaims, userId: {} }), 200],
    ['a userId of 256 characters', success({ ...tokenClaims, userId: 'x'.repeat(256) }), 200],
    ['a userId with NUL', success({ ...tokenClaims, userId: 'a\u0000' }), 200],
    ['a userId with a lone surrogate', success({ ...tokenClaims, userId: 'a\ud800' }), 200],
    ['no iss', success({ ...tokenClaims, iss: undefined }), 200],
    ['no aud', success({ ...tokenClaims, aud: undefined }), 200],
    ['a numeric aud', success({ ...tokenClaims, aud: 1 }), 200],
    ['no exp', success({ ...tokenClaims, exp: undefined }), 200],
    ['an exp in words', success({ ...tokenClaims, exp: 'tomorrow' }), 200],
    ['an object for a sessionId', success({ ...tokenClaims, sessionId: {} }), 200],
  ])('is not believed in %s', async (_what, body, statusCode) => {
    http.reply(body, statusCode);
    expect(await provider.verify('abc', 'token', signal)).toMatchObject({ status: 'unknown' });
  });

  it.each([
    ['a foreign aud', { aud: 'other' }, 'wrong_client'],
    ['an aud of many without ours', { aud: ['other', 'another'] }, 'wrong_client'],
    ['an iss by http', { iss: 'http://now.gg' }, 'invalid_token'],
    ['an iss with a slash', { iss: 'https://now.gg/' }, 'invalid_token'],
    ['an iss in capitals', { iss: 'https://NOW.GG' }, 'invalid_token'],
    ['an exp past', { exp: NOW_S - 1 }, 'expired_token'],
    ['an exp of just now', { exp: NOW_S }, 'expired_token'],
  ])('that says yes to %s is a no', async (_what, claims, reason) => {
    http.reply(success({ ...tokenClaims, ...claims }));
    expect(await provider.verify('abc', 'token', signal)).toEqual({ status: 'invalid', reason, isOwnFinding: true });
  });

  it('takes an aud of many with ours', async () => {
    http.reply(success({ ...tokenClaims, aud: ['other', 'game'] }));
    expect(await provider.verify('abc', 'token', signal)).toMatchObject({ status: 'valid' });
  });

  it('says which kind the token really is, whatever it was asked as', async () => {
    http.reply(success(idTokenClaims));
    expect(await provider.verify('abc', 'token', signal)).toMatchObject({ facts: { tokenType: 'id_token' } });
  });

  it.each([
    ['userId', 'u2'],
    ['tokenId', 't2'],
    ['aud', 'other'],
    ['exp', NOW_S + 7200],
  ])('whose %s is of another token than the one sent is dropped and not believed', async (claim, value) => {
    http.reply(success({ ...tokenClaims, [claim]: value }));
    expect(await provider.verify(jwsOf(tokenClaims), 'token', signal)).toEqual({
      status: 'unknown',
      reason: 'mismatched_reply',
    });
    expect(http.dropped).toBe(1);
  });

  it('agrees with the token across ways to write the same claim', async () => {
    http.reply(success({ ...tokenClaims, exp: String(tokenClaims.exp), aud: ['game'] }));
    expect(await provider.verify(jwsOf(tokenClaims), 'token', signal)).toMatchObject({ status: 'valid' });
  });

  it('passes on how long to wait', async () => {
    http.reply(undefined, 429, 7_000);
    expect(await provider.verify('abc', 'token', signal)).toEqual({
      status: 'unknown',
      reason: 'rate_limited',
      retryAfterMs: 7_000,
    });
  });
});

describe('looking at a token', () => {
  const inspect = (claims: Record<string, unknown>) =>
    provider.inspect(decodeUnverifiedJws(jwsOf(claims)), clock.now());

  it('refuses a foreign aud and an exp past by more than the skew, and nothing else', () => {
    expect(inspect({ ...tokenClaims, aud: 'other' })).toEqual({ action: 'refuse', reason: 'wrong_client' });
    expect(inspect({ ...tokenClaims, exp: NOW_S - 6 })).toEqual({ action: 'refuse', reason: 'expired_token' });
    expect(inspect({ ...tokenClaims, exp: NOW_S - 5 })).toEqual({ action: 'ask', tokenType: 'token' });
    expect(inspect({ aud: 7, exp: 'x' })).toEqual({ action: 'ask', tokenType: undefined });
  });

  it('tells the kind from tokenId, sub and auth_time', () => {
    expect(inspect({ tokenId: 't', sub: 's' })).toEqual({ action: 'ask', tokenType: 'token' });
    expect(inspect({ sub: 's' })).toEqual({ action: 'ask', tokenType: 'id_token' });
    expect(inspect({ auth_time: 1 })).toEqual({ action: 'ask', tokenType: 'id_token' });
    expect(provider.inspect(undefined, clock.now())).toEqual({ action: 'ask', tokenType: undefined });
  });

  it.each([['a.b'], ['a.b.c.d'], ['..'], ['a..c'], ['e30.e30.x'], [`${btoa('[]')}.e30.x`]])(
    'takes %s for opaque',
    (token) => {
      expect(decodeUnverifiedJws(token)).toBeUndefined();
    },
  );
});

describe('a client without a secret', () => {
  it('can have id_tokens verified only, and exchanges nothing', async () => {
    provider = nowgg({ clientId: 'game' }).create({ http, clock, clockSkewMs: 5_000 });
    expect([provider.tokenTypes, provider.canObtainTokens]).toEqual([['id_token'], false]);
    expect(await provider.exchangeCode({ code: 'c', signal })).toEqual({ status: 'client_refused' });
    expect(http.requests).toHaveLength(0);
  });
});

describe('the token endpoint', () => {
  const tokens = {
    success: true,
    code: 'REFRESH_TOKEN TOKEN',
    token: 'new-token',
    refresh_token: 'new-refresh',
    token_expiry: '2026-01-01T01:00:00Z',
    refresh_token_expiry: String(NOW_S + 86_400),
  };

  it('is asked in the words of its page', async () => {
    await provider.exchangeCode({ code: 'c1', signal });
    await provider.refresh('r1', signal);
    expect(http.requests.map((request) => [request.url, request.idempotent, request.json])).toEqual([
      [
        'https://now.gg/accounts/oauth2/v1/token',
        false,
        {
          client_id: 'game',
          client_secret: 'secret',
          grant_type: 'code',
          code: 'c1',
          token_type: 'refresh_token token',
        },
      ],
      [
        'https://now.gg/accounts/oauth2/v1/token',
        false,
        {
          client_id: 'game',
          client_secret: 'secret',
          grant_type: 'refresh_token',
          refresh_token: 'r1',
          token_type: 'token',
        },
      ],
    ]);
  });

  it('gives a token set', async () => {
    http.reply(tokens);
    expect(await provider.exchangeCode({ code: 'c', signal })).toEqual({
      status: 'tokens',
      tokens: {
        accessToken: 'new-token',
        refreshToken: 'new-refresh',
        accessTokenExpiresAtMs: Date.UTC(2026, 0, 1, 1),
        refreshTokenExpiresAtMs: clock.now() + 86_400_000,
      },
    });
  });

  it('may leave the refresh token out of a refresh, not out of an exchange', async () => {
    http.reply({ ...tokens, refresh_token: undefined });
    expect(await provider.refresh('r', signal)).toMatchObject({
      status: 'tokens',
      tokens: { accessToken: 'new-token', refreshToken: undefined },
    });
    expect(await provider.exchangeCode({ code: 'c', signal })).toEqual({
      status: 'in_doubt',
      reason: 'invalid_response',
    });
  });

  it.each([
    ['no token', { token: undefined }],
    ['an empty token', { token: '' }],
    ['a token with a line break', { token: 'a\r\nb' }],
    ['an empty refresh token', { refresh_token: '' }],
    ['an expiry in words', { token_expiry: 'tomorrow' }],
    ['an empty expiry', { token_expiry: '' }],
    ['a negative expiry', { token_expiry: '-1' }],
    ['another success code', { code: 'TOKEN' }],
  ])('that says success with %s leaves us in doubt', async (_what, change) => {
    http.reply({ ...tokens, ...change });
    expect(await provider.exchangeCode({ code: 'c', signal })).toEqual({
      status: 'in_doubt',
      reason: 'invalid_response',
    });
  });

  it('refuses with a code that is kept only when it looks like a constant', async () => {
    http.reply({ success: false, code: 'INVALID_CODE' }, 400);
    expect(await provider.refresh('r', signal)).toEqual({ status: 'refused', code: 'INVALID_CODE', isFinal: false });
    http.reply({ success: false, code: 'bad secret' }, 400);
    expect(await provider.refresh('r', signal)).toEqual({ status: 'refused', code: 'UNRECOGNISED', isFinal: false });
  });

  it('is busy at 429 and at a well-formed 503, in doubt at any other 5xx', async () => {
    http.reply({ error: 'slow down' }, 429, 3_000);
    expect(await provider.refresh('r', signal)).toEqual({ status: 'busy', retryAfterMs: 3_000 });
    http.reply({}, 503, 4_000);
    expect(await provider.refresh('r', signal)).toEqual({ status: 'busy', retryAfterMs: 4_000 });
    http.reply(undefined, 503);
    expect(await provider.refresh('r', signal)).toEqual({ status: 'in_doubt', reason: 'server_error' });
  });

  it('tells what was not sent from what may have been carried out', async () => {
    expect(await provider.refresh('r', signal)).toEqual({ status: 'not_sent', reason: 'network' });
    http.outcome = { status: 'failed', sent: 'perhaps', reason: 'timeout' };
    expect(await provider.refresh('r', signal)).toEqual({ status: 'in_doubt', reason: 'timeout' });
  });
});

describe('userinfo and sessioninfo', () => {
  it('are asked with the bearer token', async () => {
    await provider.getUserInfo('abc', signal);
    await provider.getSessionInfo('abc', signal);
    expect(http.requests.map((request) => [request.method, request.url, request.headers])).toEqual([
      ['GET', 'https://now.gg/accounts/users/v1/userinfo', { authorization: 'Bearer abc' }],
      ['GET', 'https://now.gg/accounts/users/v1/sessioninfo', { authorization: 'Bearer abc' }],
    ]);
  });

  it('are strict about the userId and tolerant about the rest', async () => {
    http.reply({ success: true, code: 'USERDATA', userData: { userId: 'u1', name: 7, avatar: 'a.png', city: {} } });
    expect(await provider.getUserInfo('abc', signal)).toMatchObject({
      status: 'info',
      info: { userId: 'u1', name: '7', profilePicture: 'a.png', city: undefined },
    });
    http.reply({ success: true, code: 'USERDATA', userData: { name: 'x' } });
    expect(await provider.getUserInfo('abc', signal)).toEqual({ status: 'unknown', reason: 'invalid_response' });
  });

  it("are another request's when the userId is not the token's", async () => {
    http.reply({ success: true, code: 'USERDATA', userData: { userId: 'u2' } });
    expect(await provider.getUserInfo(jwsOf(tokenClaims), signal)).toMatchObject({ reason: 'mismatched_reply' });
    expect(http.dropped).toBe(1);
  });

  it('read all eleven fields of the user', async () => {
    const userData = {
      email: 'a@example.com',
      mobile: '+919000000001',
      userId: 'u1',
      profilePicture: 'https://cdn.example.com/a.png',
      name: 'Asha Rao',
      countryCode: 'IN',
      country: 'India',
      countryRegionCode: 'KA',
      countryRegion: 'Karnataka',
      city: 'Bengaluru',
      postalCode: '560001',
    };
    http.reply({ success: true, code: 'USERDATA', userData });
    expect(await provider.getUserInfo('abc', signal)).toEqual({ status: 'info', info: userData });
  });

  it('read the two fields that the table lists beside success, and prefer those of the session', async () => {
    const beside = { lastSessionTimestamp: 'beside', packageName: 'com.beside' };
    http.reply({ success: true, code: 'USERDATA', sessionData: {}, ...beside });
    expect(await provider.getSessionInfo('abc', signal)).toMatchObject({ info: beside });
    const inside = { lastSessionTimestamp: 'inside', packageName: 'com.inside' };
    http.reply({ success: true, code: 'USERDATA', sessionData: inside, ...beside });
    expect(await provider.getSessionInfo('abc', signal)).toMatchObject({ info: inside });
  });

  it('read every field of the session, brand and model as number or text', async () => {
    const sessionData = {
      userAgent: 'ua',
      ip: '1.2.3.4',
      locale: 'en-GB',
      deviceData: {
        os: { version: '1', name: 'Android', platform: 'ARM' },
        device: { brand: 3, model: 14, type: 'desktop' },
        client: { version: '9', engine: 'Blink', name: 'Chrome', type: 'browser', engineVersion: '99' },
      },
      geoData: {
        countryCode: 'SE',
        country: 'Sweden',
        countryRegionCode: 'AB',
        countryRegion: 'Stockholm',
        city: 'Stockholm',
        postalCode: '111',
      },
      lastSessionTimestamp: 'x',
      packageName: 'com.game',
    };
    http.reply({ success: true, code: 'USERDATA', sessionData });
    const expected = structuredClone(sessionData) as { deviceData: { device: { brand: unknown; model: unknown } } };
    Object.assign(expected.deviceData.device, { brand: '3', model: '14' });
    expect(await provider.getSessionInfo('abc', signal)).toEqual({ status: 'info', info: expected });
  });

  it.each([
    [{ success: false, code: 'ANYTHING' }, 200, 'refused'],
    [undefined, 401, 'refused'],
    [undefined, 500, 'unknown'],
    [{ success: true, code: 'USERDATA' }, 200, 'unknown'],
  ])('answer %p at %i as %s', async (body, statusCode, status) => {
    http.reply(body, statusCode);
    expect(await provider.getUserInfo('abc', signal)).toMatchObject({ status });
  });
});

describe('nowgg()', () => {
  it('names every fault and no value', () => {
    const options = { clientId: '', clientSecret: '', baseUrl: 'http://example.com/?x=1', name: 'a b' };
    expect(() => nowgg(options)).toThrow(
      'nowgg(): clientId must be a non-empty string; clientSecret must be a non-empty string, or one to four different ones in an array; ' +
        'name must be 1 to 64 characters of A-Z a-z 0-9 _ -; baseUrl must have no credentials, query or fragment',
    );
  });

  it('refuses unknown options, and a name or an opt-out of another type', () => {
    const options = { clientId: 'a', clientSecrets: 's', name: 5, allowInsecureBaseUrl: 1 };
    expect(() => nowgg(options as never)).toThrow(
      'nowgg(): unknown option clientSecrets; name must be 1 to 64 characters of A-Z a-z 0-9 _ -; ' +
        'allowInsecureBaseUrl must be true or false',
    );
    expect(() => nowgg(undefined as never)).toThrow('nowgg(): the options must be an object');
  });

  it('takes plain http for loopback, or where it is asked for', () => {
    expect(() => nowgg({ clientId: 'a', baseUrl: 'http://127.0.0.1:4000' })).not.toThrow();
    expect(() => nowgg({ clientId: 'a', baseUrl: 'http://[::1]:4000' })).not.toThrow();
    expect(() => nowgg({ clientId: 'a', baseUrl: 'http://localhost' })).not.toThrow();
    expect(() => nowgg({ clientId: 'a', baseUrl: 'http://localhost.example.com' })).toThrow('https');
    expect(() => nowgg({ clientId: 'a', baseUrl: 'http://10.0.0.1', allowInsecureBaseUrl: true })).not.toThrow();
  });
});

describe('a token that a refresh brought', () => {
  const grant = { userId: 'u1', sessionId: 's1' };

  it('states the facts that verify-token establishes', async () => {
    const token = jwsOf(tokenClaims);
    http.reply(success(tokenClaims));
    const verdict = await provider.verify(token, 'token', signal);
    const facts = provider.factsOfIssued(token, grant);
    expect(facts).toBeDefined();
    expect(verdict).toEqual({ status: 'valid', facts });
    expect(http.requests).toHaveLength(1);
  });

  it.each(Object.keys(tokenClaims))('is verified first when it does not state its %s', (name) => {
    for (const claims of [
      { ...tokenClaims, [name]: undefined },
      { ...tokenClaims, [name]: null },
    ]) {
      expect(provider.factsOfIssued(jwsOf(claims), grant)).toBeUndefined();
    }
  });

  it.each<[string, object]>([
    ['another user', { userId: 'u2' }],
    ['another session', { sessionId: 's2' }],
    ['another client', { aud: 'other' }],
    ['another issuer', { iss: 'https://now.example' }],
    ['an exp that is past', { exp: NOW_S }],
    ['scopes of another form', { scope: ['email'] }],
    ['a time of issue of another form', { iat: 'now' }],
    ['a user that is none', { userId: 7 }],
  ])('is verified first when it states %s', (_, claims) => {
    expect(provider.factsOfIssued(jwsOf({ ...tokenClaims, ...claims }), grant)).toBeUndefined();
  });

  it('is verified first when it is opaque, an id_token, or for a grant without a session', () => {
    expect(provider.factsOfIssued('opaque', grant)).toBeUndefined();
    expect(provider.factsOfIssued(jwsOf(idTokenClaims), grant)).toBeUndefined();
    expect(provider.factsOfIssued(jwsOf(tokenClaims), { userId: 'u1', sessionId: undefined })).toBeUndefined();
  });
});

describe('several client secrets', () => {
  const token = jwsOf(tokenClaims);
  const sentSecrets = () => http.requests.map(({ json }) => (json as { client_secret?: string }).client_secret);

  /** now.gg accepts this secret and no other. */
  function acceptOnly(secret: string, accepted: unknown): void {
    http.answer = ({ json }) => {
      const isRight = (json as { client_secret?: string }).client_secret === secret;
      http.reply(isRight ? accepted : { success: false, code: 'INVALID_TOKEN', msg: 'no' });
    };
  }

  beforeEach(() => {
    provider = nowgg({ clientId: 'game', clientSecret: ['new', 'old'] }).create({ http, clock, clockSkewMs: 5_000 });
  });

  it('are tried in turn until one is accepted, which is then sent first', async () => {
    acceptOnly('old', success(tokenClaims));
    expect(await provider.verify(token, 'token', signal)).toMatchObject({ status: 'valid' });
    expect(await provider.verify(token, 'token', signal)).toMatchObject({ status: 'valid' });
    expect(sentSecrets()).toEqual(['new', 'old', 'old']);
  });

  it('do not double the requests about refused tokens once one is accepted', async () => {
    acceptOnly('old', success(tokenClaims));
    await provider.verify(token, 'token', signal);
    acceptOnly('none', undefined);
    expect(await provider.verify(token, 'token', signal)).toMatchObject({ status: 'invalid' });
    expect(sentSecrets()).toEqual(['new', 'old', 'old']);
  });

  it('are tried again when the secret is in doubt, and have another fingerprint each', async () => {
    acceptOnly('old', success(tokenClaims));
    await provider.verify(token, 'token', signal);
    const fingerprint = () => provider.secretFingerprint(Buffer.alloc(32, 1));
    const before = fingerprint();
    acceptOnly('new', success(tokenClaims));
    expect(await provider.verify(token, 'token', signal)).toMatchObject({ status: 'invalid' });
    provider.doubtSecret();
    expect(await provider.verify(token, 'token', signal)).toMatchObject({ status: 'valid' });
    expect(fingerprint()).not.toBe(before);
  });

  it('are not tried for a token that is plainly not ours, for an expired one or for an id_token', async () => {
    acceptOnly('none', undefined);
    await provider.verify('opaque', 'token', signal);
    await provider.verify(jwsOf({ ...tokenClaims, aud: 'another' }), 'token', signal);
    await provider.verify(jwsOf(idTokenClaims), 'id_token', signal);
    http.answer = () => http.reply({ success: false, code: 'EXPIRED_TOKEN', msg: 'no' });
    await provider.verify(token, 'token', signal);
    expect(http.requests).toHaveLength(4);
  });

  it('are tried for codes and refresh tokens, and the caller sees one answer', async () => {
    const tokens = { success: true, code: 'REFRESH_TOKEN TOKEN', token: 'access', refresh_token: 'refresh' };
    acceptOnly('old', tokens);
    expect(await provider.refresh('refresh', signal)).toMatchObject({ status: 'tokens' });
    expect(sentSecrets()).toEqual(['new', 'old']);
    provider.doubtSecret();
    acceptOnly('new', tokens);
    expect(await provider.exchangeCode({ code: 'c', signal })).toMatchObject({ status: 'tokens' });
    expect(sentSecrets()).toEqual(['new', 'old', 'old', 'new']);
    clock.advance(61_000);
    acceptOnly('none', undefined);
    expect(await provider.refresh('refresh', signal)).toMatchObject({ status: 'refused' });
  });

  it('must be different, and four at most', () => {
    for (const clientSecret of [[], ['a', 'a'], ['a', ''], ['a', 'b', 'c', 'd', 'e'], [1]]) {
      expect(() => nowgg({ clientId: 'game', clientSecret: clientSecret as unknown as string })).toThrow(
        'clientSecret',
      );
    }
  });
});
