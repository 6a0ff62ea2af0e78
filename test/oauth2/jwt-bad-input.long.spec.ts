import { createHmac, createPublicKey } from 'node:crypto';
import { jest, afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { oauth2, jwt } from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { Issuer } from './support/issuer.js';

const API = 'https://api.example';
const CLIENT = 'title-1';

jest.setTimeout(60_000);

describe('an access token that is verified here', () => {
  let issuer: Issuer;
  let site: Authenticated;
  const nowSeconds = () => Math.floor(site.clock.now() / 1000);
  const claims = (changes: Record<string, unknown> = {}) => ({
    iss: issuer.url,
    sub: 'player-1',
    aud: [API],
    client_id: CLIENT,
    scope: 'read write',
    jti: `token-${Math.random()}`,
    iat: nowSeconds(),
    exp: nowSeconds() + 600,
    ...changes,
  });
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const without = (name: string) =>
    Object.fromEntries(Object.entries(claims()).filter(([key]) => key !== name)) as Record<string, unknown>;

  beforeAll(async () => {
    issuer = await Issuer.start();
  });
  afterAll(async () => issuer[Symbol.asyncDispose]());
  beforeEach(async () => {
    issuer.mood = 'up';
    issuer.asked.length = 0;
    site = await Authenticated.by([
      oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT, verification: jwt({ audience: API }) }),
    ]);
  });
  afterEach(async () => site[Symbol.asyncDispose]());

  it('makes a principal of what the issuer says', async () => {
    const verdict = await site.verdict(await issuer.sign(claims({ jti: 'token-1', email: 'p@example' })));
    expect(verdict).toMatchObject({
      status: 'valid',
      principal: {
        provider: 'web',
        userId: 'player-1',
        subject: 'player-1',
        tokenType: 'token',
        scopes: ['read', 'write'],
        tokenId: 'token-1',
        email: 'p@example',
      },
    });
  });

  it('sends no request at boot', () => {
    expect(issuer.asked).toEqual([]);
  });

  it('is refused when it is signed by HMAC with the public key', async () => {
    const { publicJwk } = issuer.currentKey;
    const pem = createPublicKey({ key: publicJwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const head = part({ alg: 'HS256', typ: 'at+jwt', kid: publicJwk.kid });
    for (const secret of [pem, JSON.stringify(publicJwk), publicJwk.n as string]) {
      const body = `${head}.${part(claims())}`;
      const signature = createHmac('sha256', secret).update(body).digest('base64url');
      expect(await site.outcome(`${body}.${signature}`)).toBe('invalid: invalid_token');
    }
  });

  it.each(['none', 'None', 'nOnE', ''])('is refused with the algorithm %j', async (alg) => {
    const body = `${part({ alg, typ: 'at+jwt' })}.${part(claims())}`;
    expect(await site.outcome(`${body}.${Buffer.from('x').toString('base64url')}`)).toBe('invalid: invalid_token');
    expect(await site.outcome(`${body}.`)).toBe('invalid: invalid_token');
  });

  it('is refused when an algorithm signed it that was not opted for', async () => {
    const token = await issuer.sign(claims());
    const [, payload, signature] = token.split('.');
    const head = part({ alg: 'PS256', typ: 'at+jwt', kid: issuer.currentKey.kid });
    expect(await site.outcome(`${head}.${payload}.${signature}`)).toBe('invalid: invalid_token');
  });

  it('is refused when it brings its own key, and nothing is fetched from an address in it', async () => {
    const foreign = await Issuer.start(100);
    for (const header of [
      { jwk: foreign.currentKey.publicJwk },
      { jku: `${foreign.url}/jwks` },
      { x5u: `${foreign.url}/certificate` },
      { x5c: ['bm90IGEgY2VydGlmaWNhdGU='] },
      { jku: `${foreign.url}/jwks`, kid: foreign.currentKey.kid },
    ]) {
      expect(await site.outcome(await foreign.sign(claims(), header))).toBe('invalid: invalid_token');
    }
    expect(foreign.asked).toEqual([]);
    await foreign[Symbol.asyncDispose]();
  });

  it.each(['../../x', '__proto__', 'constructor', '', 'https://evil.example/key', '\u0000'])(
    'is refused with the key id %j',
    async (kid) => {
      expect(await site.outcome(await issuer.sign(claims(), { kid }))).toBe('invalid: invalid_token');
      expect(issuer.asked.every((path) => ['/jwks', '/.well-known/openid-configuration'].includes(path))).toBe(true);
    },
  );

  it.each([5, null, {}, ['key-1'], true])('is refused with a key id that is no text: %j', async (kid) => {
    const head = part({ alg: 'RS256', typ: 'at+jwt', kid });
    expect(await site.outcome(`${head}.${part(claims())}.c2ln`)).toBe('invalid: invalid_token');
  });

  it('is refused 1,000 times for 1,000 unknown key ids, with one fetch for all of them', async () => {
    expect(await site.outcome(await issuer.sign(claims()))).toBe('valid');
    const warm = issuer.keyFetches;
    const tokens = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => issuer.sign(claims(), { kid: `unknown-${index}` })),
    );
    const outcomes = await Promise.all(tokens.map(async (token) => site.outcome(token)));
    expect(new Set(outcomes)).toEqual(new Set(['invalid: invalid_token']));
    expect(issuer.keyFetches - warm).toBe(1);
    expect(await site.outcome(await issuer.sign(claims()))).toBe('valid');
  });

  it.each([
    ['two parts', (token: string) => token.split('.').slice(0, 2).join('.')],
    ['four parts', (token: string) => `${token}.c2ln`],
    ['five parts', (token: string) => `${token}.c2ln.c2ln`],
    ['six parts', (token: string) => `${token}.c2ln.c2ln.c2ln`],
    ['an empty payload', (token: string) => token.replace(/\.[^.]*\./, '..')],
    ['a payload that is an array', (token: string) => token.replace(/\.[^.]*\./, `.${part([{ sub: 'x' }])}.`)],
    ['a payload that is text', (token: string) => token.replace(/\.[^.]*\./, `.${part('sub')}.`)],
    ['a header that is an array', (token: string) => token.replace(/^[^.]*/, part([{ alg: 'RS256' }]))],
    ['no signature', (token: string) => token.replace(/[^.]*$/, '')],
    ['another signature', (token: string) => token.replace(/[^.]*$/, Buffer.alloc(256).toString('base64url'))],
  ])('is refused with %s', async (_name, changed) => {
    expect(await site.outcome(changed(await issuer.sign(claims())))).toBe('invalid: invalid_token');
  });

  it('is refused when it names a critical extension', async () => {
    const head = (extra: object) => part({ alg: 'RS256', typ: 'at+jwt', kid: issuer.currentKey.kid, ...extra });
    for (const extra of [{ crit: ['b64'], b64: true }, { crit: ['x'], x: 1 }, { crit: [] }]) {
      expect(await site.outcome(`${head(extra)}.${part(claims())}.c2ln`)).toBe('invalid: invalid_token');
    }
  });

  it.each(['JWT', 'id_token+jwt', 'logout+jwt', undefined, 7])('is refused with the type %j', async (typ) => {
    const token = await issuer.sign(claims(), { typ });
    expect(await site.outcome(token)).toMatch(/^invalid: (?:wrong_token_type|invalid_token)$/);
  });

  it.each(['at+jwt', 'application/at+jwt', 'AT+JWT'])('is taken with the type %s', async (typ) => {
    expect(await site.outcome(await issuer.sign(claims(), { typ }))).toBe('valid');
  });

  it('is refused when it is an id_token', async () => {
    const idToken = {
      iss: issuer.url,
      sub: 'player-1',
      aud: CLIENT,
      nonce: 'n',
      iat: nowSeconds(),
      exp: nowSeconds() + 300,
    };
    expect(await site.outcome(await issuer.sign(idToken, { typ: 'JWT' }))).toBe('invalid: wrong_token_type');
    expect(await site.outcome(await issuer.sign(idToken))).toMatch(/^invalid/);
  });

  it.each(['https://other.example', [], ['https://other.example'], 'https://api.example/', CLIENT, undefined])(
    'is refused for the audience %j',
    async (aud) => {
      expect(await site.outcome(await issuer.sign(claims({ aud })))).toMatch(
        /^invalid: (?:wrong_client|invalid_token)$/,
      );
    },
  );

  it('is refused for another issuer, however alike', async () => {
    for (const iss of [`${issuer.url}/`, issuer.url.replace('http:', 'https:'), `${issuer.url}/x`, 'null', undefined]) {
      expect(await site.outcome(await issuer.sign(claims({ iss })))).toBe('invalid: invalid_token');
    }
  });

  it('is wrong_client when it was issued for another client of the same issuer', async () => {
    expect(await site.outcome(await issuer.sign(claims({ client_id: 'title-2' })))).toBe('invalid: wrong_client');
  });

  it.each(['iss', 'sub', 'aud', 'exp', 'client_id', 'iat', 'jti'])('is refused without %s', async (name) => {
    expect(await site.outcome(await issuer.sign(without(name)))).toMatch(/^invalid/);
  });

  it.each([5, '', {}, 'a'.repeat(256), 'line\nbreak'])('is refused with the subject %j', async (sub) => {
    expect(await site.outcome(await issuer.sign(claims({ sub })))).toBe('invalid: invalid_token');
  });

  it('is refused from the second in which it expires', async () => {
    const token = await issuer.sign(claims({ exp: nowSeconds() + 100 }));
    expect(await site.outcome(token)).toBe('valid');
    site.clock.advance(101_000);
    expect(await site.outcome(token)).toBe('invalid: expired_token');
  });

  it('is refused before its time', async () => {
    expect(await site.outcome(await issuer.sign(claims({ nbf: nowSeconds() + 60 })))).toBe('invalid: invalid_token');
  });

  it('is refused when it is bound to a key that was not shown', async () => {
    expect(await site.outcome(await issuer.sign(claims({ cnf: { jkt: 'thumbprint' } })))).toBe(
      'invalid: invalid_token',
    );
  });
});
