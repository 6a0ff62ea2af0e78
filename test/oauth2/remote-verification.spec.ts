import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  authgear,
  authgearUser,
  introspection,
  oauth2,
  tokenInfo,
  userinfo,
  type VerificationMethod,
} from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { type ScriptedReply, ScriptedSystem } from './support/scripted-system.js';

jest.setTimeout(60_000);

const CLIENT = 'game';
const seconds = () => Math.floor(Date.now() / 1000);
const jws = (claims: object) =>
  [{ alg: 'RS256' }, claims].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')).join('.') +
  '.c2ln';

let system: ScriptedSystem;
let site: Authenticated | undefined;
let tokens = 0;

beforeAll(async () => {
  system = await ScriptedSystem.start();
});
afterAll(async () => system[Symbol.asyncDispose]());
afterEach(async () => {
  await site?.[Symbol.asyncDispose]();
  site = undefined;
});

async function siteWith(verification: () => VerificationMethod): Promise<Authenticated> {
  site ??= await Authenticated.by(
    [
      oauth2({
        name: 'web',
        issuer: system.url,
        endpoints: { userinfo: `${system.url}/userinfo`, introspection: `${system.url}/introspect` },
        clientId: CLIENT,
        clientSecret: 'secret',
        verification: verification(),
      }),
    ],
    { verification: { circuit: false } },
  );
  return site;
}

async function outcomeOf(
  verification: () => VerificationMethod,
  reply: ScriptedReply,
  token?: string,
): Promise<string> {
  system.reply = reply;
  tokens += 1;
  return (await siteWith(verification)).outcome(token ?? `opaque-${tokens}`);
}

const methods: readonly (readonly [string, () => VerificationMethod])[] = [
  ['userinfo', () => userinfo()],
  ['introspection', () => introspection()],
  [
    'token info',
    () => tokenInfo({ url: `${system.url}/tokenInfo`, map: { userId: 'data.userId', clientId: 'data.clientId' } }),
  ],
];

describe.each(methods)('verification by %s', (_name, method) => {
  it.each<[string, ScriptedReply]>([
    ['HTML', { headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['nothing', { body: '' }],
    ['a list', { body: [] }],
    ['null', { body: 'null' }],
    ['an empty object', { body: {} }],
    ['half of it', { body: '{"sub":"p","active":true' }],
    ['bytes that are no UTF-8', { body: '{"sub":"\u0000"}', headers: { 'content-encoding': 'gzip' } }],
    ['a server error with a good body', { status: 500, body: { sub: 'p', active: true, client_id: CLIENT } }],
    ['a redirect', { status: 302, headers: { location: '/userinfo-elsewhere' } }],
    ['a redirect that keeps the method', { status: 307, headers: { location: '/userinfo-elsewhere' } }],
    ['a 404', { status: 404, body: { error: 'not_found' } }],
    [
      'a user who is none',
      { body: { sub: '', active: true, client_id: CLIENT, data: { userId: '', clientId: CLIENT } } },
    ],
    ['a user of numbers', { body: { sub: 5, active: true, client_id: CLIENT, data: { userId: 5, clientId: CLIENT } } }],
  ])('is no verdict when the answer is %s', async (_reply, reply) => {
    expect(await outcomeOf(method, reply)).toMatch(/^unknown/);
    expect(system.seen.some(({ path }) => path.includes('elsewhere'))).toBe(false);
  });

  it('waits as long as it is told when asked too often', async () => {
    system.reply = { status: 429, headers: { 'retry-after': '7' } };
    expect(await (await siteWith(method)).verdict('asked-too-often')).toMatchObject({
      status: 'unknown',
      reason: 'rate_limited',
      retryAfterSeconds: 7,
    });
  });

  it('does not send a token of another issuer', async () => {
    const asked = system.seen.length;
    expect(await outcomeOf(method, {}, jws({ iss: 'https://other.example', sub: 'p' }))).toBe('invalid: invalid_token');
    expect(await outcomeOf(method, {}, jws({ iss: system.url, exp: 1 }))).toBe('invalid: expired_token');
    expect(system.seen).toHaveLength(asked);
  });
});

describe('verification by userinfo', () => {
  const method = () => userinfo();

  it.each<[string, ScriptedReply]>([
    ['a 401', { status: 401, body: {} }],
    ['a 401 with a challenge', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }],
    ['a 401 that speaks of the grant', { status: 401, body: { error: 'invalid_grant' } }],
    ['invalid_token at 400', { status: 400, body: { error: 'invalid_token' } }],
    ['a scope that is missing', { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } }],
  ])('is a no when the answer is %s', async (_name, reply) => {
    expect(await outcomeOf(method, reply)).toBe('invalid: invalid_token');
  });

  it('is a no however many tokens are refused: our own credentials were not shown', async () => {
    for (let turn = 0; turn < 10; turn += 1) {
      const token = jws({ iss: system.url, sub: 'p', turn });
      expect(await outcomeOf(method, { status: 401 }, token)).toBe('invalid: invalid_token');
    }
  });

  it('does not believe an answer about another user', async () => {
    const token = jws({ iss: system.url, sub: 'player-1' });
    expect(await outcomeOf(method, { body: { sub: 'player-2' } }, token)).toBe('unknown: mismatched_reply');
  });

  it('is not polluted by odd names', async () => {
    expect(await outcomeOf(method, { body: '{"sub":"p","__proto__":{"admin":true}}' })).toBe('valid');
    expect('admin' in {}).toBe(false);
  });
});

describe('verification by introspection', () => {
  const method = () => introspection();
  const good = { active: true, sub: 'p', client_id: CLIENT };

  it('takes client, scopes and expiry from the answer', async () => {
    system.reply = { body: { ...good, scope: 'read write', exp: seconds() + 60, token_type: 'Bearer' } };
    expect(await (await siteWith(method)).verdict('introspected')).toMatchObject({
      status: 'valid',
      principal: { userId: 'p', scopes: ['read', 'write'], expiresAt: expect.any(Date) },
    });
    expect(system.seen.at(-1)?.authorization).toBe(`Basic ${Buffer.from(`${CLIENT}:secret`).toString('base64')}`);
  });

  it.each<[string, string, object]>([
    ['the token is not active', 'invalid: invalid_token', { active: false }],
    ['it is of another client', 'invalid: wrong_client', { ...good, client_id: 'other' }],
    ['it is of no client', 'invalid: wrong_client', { active: true, sub: 'p' }],
    ['it is of another issuer', 'invalid: invalid_token', { ...good, iss: 'https://other.example' }],
    ['it is past', 'invalid: expired_token', { ...good, exp: 1 }],
    ['its expiry is text', 'unknown: invalid_response', { ...good, exp: 'tomorrow' }],
    ['it is bound to a key', 'invalid: invalid_token', { ...good, cnf: { jkt: 'x' } }],
    ['it is a refresh token', 'invalid: invalid_token', { ...good, token_type: 'refresh_token' }],
  ])('when %s, says %s', async (_name, expected, body) => {
    expect(await outcomeOf(method, { body })).toBe(expected);
  });

  it('is no verdict when our client is refused', async () => {
    expect(await outcomeOf(method, { status: 401, body: { error: 'invalid_client' } })).toBe(
      'unknown: own_credentials_suspect',
    );
  });
});

describe('verification by token info', () => {
  const map = { userId: 'data.userId', clientId: 'data.clientId', expiresIn: 'data.expiresIn', scopes: 'data.scopes' };
  const method = () => tokenInfo({ url: `${system.url}/tokenInfo`, map });

  it.each<[string, string, object]>([
    ['it is of our client', 'valid', { userId: 'p', clientId: CLIENT, expiresIn: 60, scopes: ['read'] }],
    ['it is of another client', 'invalid: wrong_client', { userId: 'p', clientId: 'other', expiresIn: 60 }],
    ['no client is named', 'unknown: invalid_response', { userId: 'p', expiresIn: 60 }],
    ['nothing is left', 'invalid: expired_token', { userId: 'p', clientId: CLIENT, expiresIn: 0 }],
    ['what is left is text', 'unknown: invalid_response', { userId: 'p', clientId: CLIENT, expiresIn: 'soon' }],
    [
      'what is left is longer than any date',
      'unknown: invalid_response',
      { userId: 'p', clientId: CLIENT, expiresIn: 1e300 },
    ],
    ['the user hides in a prototype', 'unknown: invalid_response', { __proto__: { userId: 'p' }, clientId: CLIENT }],
  ])('when %s, says %s', async (_name, expected, data) => {
    expect(await outcomeOf(method, { body: { data } })).toBe(expected);
  });

  it('is a no at 401 and at 400 for the token, nothing else', async () => {
    expect(await outcomeOf(method, { status: 401 })).toBe('invalid: invalid_token');
    expect(await outcomeOf(method, { status: 400, body: { error: 'invalid_token' } })).toBe('invalid: invalid_token');
    expect(await outcomeOf(method, { status: 400, body: { error: 'whatever' } })).toBe('unknown: invalid_response');
  });
});

describe("verification by Authgear's resolver", () => {
  const headers = {
    'x-authgear-session-valid': 'true',
    'x-authgear-user-id': 'player-1',
    'x-authgear-user-anonymous': 'false',
    'x-authgear-user-verified': 'true',
    'x-authgear-user-can-reauthenticate': 'true',
    'x-authgear-user-roles': 'moderator,reporter',
    'x-authgear-session-amr': 'pwd,otp sms',
    'x-authgear-session-authenticated-at': '1700000000',
  };
  const resolved = async (reply: ScriptedReply, token = `resolved-${(tokens += 1)}`) => {
    system.reply = reply;
    site ??= await Authenticated.by(
      [authgear({ endpoint: `${system.url}/`, clientId: CLIENT, verification: 'resolver' })],
      { verification: { circuit: false } },
    );
    return site.verdict(token);
  };

  it('reads the session from the headers of the answer', async () => {
    const verdict = await resolved({ headers, body: '' });
    expect(verdict).toMatchObject({
      status: 'valid',
      principal: {
        provider: 'authgear',
        userId: 'player-1',
        authTime: new Date(1_700_000_000_000),
        claims: { amr: ['pwd', 'otp', 'sms'] },
      },
    });
    expect(system.seen.at(-1)?.path).toBe('/_resolver/resolve');
    expect(verdict.status === 'valid' && authgearUser(verdict.principal)).toEqual({
      isAnonymous: false,
      isVerified: true,
      canReauthenticate: true,
      roles: ['moderator', 'reporter'],
    });
  });

  it.each<[string, string, ScriptedReply]>([
    ['there is no header', 'invalid', {}],
    ['the session is over', 'invalid', { headers: { 'x-authgear-session-valid': 'false' } }],
    ['the header says something else', 'unknown', { headers: { ...headers, 'x-authgear-session-valid': 'yes' } }],
    ['no user is named', 'unknown', { headers: { 'x-authgear-session-valid': 'true' } }],
    ['it is not a 200', 'unknown', { status: 404, headers }],
    ['it is a server error', 'unknown', { status: 500, headers }],
  ])('when %s, says %s', async (_name, expected, reply) => {
    expect(await resolved(reply)).toMatchObject({ status: expected });
  });
});
