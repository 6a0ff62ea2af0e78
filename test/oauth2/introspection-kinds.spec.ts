import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { introspection, type IntrospectionOptions, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { IntrospectingSystem, type IntrospectionManner } from './support/introspecting-system.js';
import { ScriptedSystem } from './support/scripted-system.js';
import { SecurityEvents } from './support/security-events.js';
import { wgtwoShape } from './support/shapes.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const TOKEN_PATH = '/oauth2/token';

let events: SecurityEvents;

beforeEach(() => {
  events = new SecurityEvents();
});
afterEach(() => events[Symbol.dispose]());

function siteAt(url: string, options: IntrospectionOptions = {}, more: Record<string, string> = {}) {
  return Authenticated.by(
    [
      oauth2({
        name: 'web',
        issuer: url,
        endpoints: { introspection: `${url}/introspect`, ...more },
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        verification: introspection(options),
      }),
    ],
    { verification: { circuit: false } },
  );
}

describe('a refresh token of a certified OpenID provider', () => {
  let system: IdentitySystem;
  let refreshToken: string;

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
  });
  afterEach(async () => system[Symbol.asyncDispose]());

  const game = async (options: IntrospectionOptions = {}) => {
    const started = await WebGame.start(
      [
        oauth2({
          name: 'web',
          issuer: `${system.url}/`,
          clientId: CLIENT_ID,
          clientSecret: CLIENT_SECRET,
          redirectUri: REDIRECT_URI,
          verification: introspection(options),
        }),
      ],
      { verification: { circuit: false } },
    );
    system.tamper = (path, body) => {
      if (path === TOKEN_PATH) refreshToken = String(body.refresh_token);
      return body;
    };
    return started;
  };

  it('is not a bearer token, and the access token of the same sign-in is one', async () => {
    await using site = await game();
    const { accessToken } = await site.signIn();
    expect(await site.outcome(accessToken.token)).toBe('valid');
    expect(await site.outcome(refreshToken)).toBe('unknown: invalid_response');
    expect((await site.fetch('/guarded', refreshToken)).status).toBe(503);
    expect(events.of('introspection_without_token_type')[0]).toEqual({
      type: 'introspection_without_token_type',
      provider: 'web',
      detail: expect.stringContaining('requireTokenType'),
    });
  });

  it('is not a bearer token either where answers may lack the token_type', async () => {
    await using site = await game({ requireTokenType: false });
    const { accessToken } = await site.signIn();
    expect(await site.outcome(accessToken.token)).toBe('valid');
    expect(await site.outcome(refreshToken)).toBe('invalid: invalid_token');
  });

  it('is not a bearer token in a process that has seen no other token yet', async () => {
    {
      await using first = await game();
      await first.signIn();
    }
    await using site = await game({ requireTokenType: false });
    const asked = system.seenAt('/oauth2/token').length;
    expect(await site.outcome(refreshToken)).toBe('invalid: invalid_token');
    expect(system.seenAt('/oauth2/token')).toHaveLength(asked);
  });
});

describe.each<[IntrospectionManner, string]>([
  ['hint', 'invalid: invalid_token'],
  ['token_use', 'invalid: invalid_token'],
  ['typ', 'invalid: invalid_token'],
  ['no token_type', 'unknown: invalid_response'],
])('a system that marks refresh tokens by %s', (manner, expected) => {
  it('has its access tokens accepted and no other kind', async () => {
    await using system = await IntrospectingSystem.start(manner, CLIENT_ID);
    await using site = await siteAt(system.url);
    const isMarked = manner !== 'no token_type';
    expect(await site.outcome('access-token')).toBe(isMarked ? 'valid' : expected);
    expect(await site.outcome('refresh-token')).toBe(expected);
    expect(system.questions.map((form) => form.get('token_type_hint'))).toEqual(['access_token', 'access_token']);
  });
});

describe('an introspection answer', () => {
  let system: ScriptedSystem;
  let tokens = 0;
  const good = { active: true, sub: 'p', client_id: CLIENT_ID, token_type: 'Bearer' };
  const jws = (header: object, claims: object) =>
    [header, claims].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')).join('.') + '.c2ln';

  beforeEach(async () => {
    system = await ScriptedSystem.start();
  });
  afterEach(async () => system[Symbol.asyncDispose]());

  const outcome = async (site: Authenticated, body: object, token = `opaque-${(tokens += 1)}`) => {
    system.reply = { body };
    return site.outcome(token);
  };

  it('without a token_type is believed where the option says so, until the system sends one', async () => {
    await using site = await siteAt(system.url, { requireTokenType: false });
    const { token_type: _tokenType, ...untyped } = good;
    expect(await outcome(site, untyped)).toBe('valid');
    expect(await outcome(site, { ...untyped, token_type: null })).toBe('valid');
    expect(events.of('introspection_without_token_type')).toEqual([]);
    expect(await outcome(site, good)).toBe('valid');
    expect(await outcome(site, untyped)).toBe('invalid: invalid_token');
  });

  it('without a token_type needs the yes of userinfo where the system has that', async () => {
    await using site = await siteAt(system.url, { requireTokenType: false }, { userinfo: `${system.url}/userinfo` });
    const { token_type: _tokenType, ...untyped } = good;
    expect(await outcome(site, untyped)).toBe('valid');
    expect(system.seen.map(({ path }) => path)).toEqual(['/introspect', '/userinfo']);
    // The same body comes from userinfo: another user is not a yes.
    system.replies = [{ body: untyped }, { body: { sub: 'another' } }];
    expect(await site.outcome('of-another-user')).toBe('unknown: mismatched_reply');
    system.replies = [{ body: untyped }, { status: 401, body: { error: 'invalid_token' } }];
    expect(await site.outcome('no-access-token')).toBe('invalid: invalid_token');
    system.replies = [
      { body: untyped },
      { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } },
    ];
    expect(await site.outcome('access-token-without-openid')).toBe('valid');
    // A question that fails fast is sent once more.
    system.replies = [{ body: untyped }, { status: 500 }, { body: untyped }, { status: 500 }];
    expect(await site.outcome('asked-in-an-outage')).toBe('unknown: server_error');
  });

  it.each(['at+jwt', 'application/at+jwt', 'AT+JWT', 'JWT', 'Bearer', 'bearer'])(
    'of typ %s is accepted',
    async (typ) => {
      await using site = await siteAt(system.url);
      expect(await outcome(site, { ...good, typ })).toBe('valid');
    },
  );

  it.each([
    'Refresh',
    'Offline',
    'ID',
    'Logout',
    'logout+jwt',
    'rt+jwt',
    'DPoP',
    '',
    null,
    5,
    ['Bearer'],
    { typ: 'JWT' },
  ])('of typ %j is refused', async (typ) => {
    await using site = await siteAt(system.url);
    expect(await outcome(site, { ...good, typ })).toBe('invalid: invalid_token');
  });

  it.each([
    ['its claims say typ Refresh', { alg: 'RS256' }, { typ: 'Refresh' }],
    ['its claims say typ ID', { alg: 'RS256', typ: 'JWT' }, { typ: 'ID' }],
    ['its claims say token_use refresh', { alg: 'RS256' }, { token_use: 'refresh' }],
  ])('does not make an access token of a JWT where %s', async (_name, header, claims) => {
    await using site = await siteAt(system.url);
    expect(await outcome(site, good, jws(header, { sub: 'p', ...claims }))).toBe('invalid: invalid_token');
    expect(await outcome(site, good, jws(header, { sub: 'p', n: 1 }))).toBe('valid');
  });

  it('that names any other kind is never a yes, whatever JSON stands there', async () => {
    await using site = await siteAt(system.url);
    await using lenient = await siteAt(system.url, { requireTokenType: false });
    const isAccess = (field: string, value: unknown) =>
      field === 'token_use'
        ? value === 'access_token' || value === 'access'
        : typeof value === 'string' && /^(?:(?:application\/)?(?:at\+)?jwt|bearer|access_token)$/i.test(value);
    const kind = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('refresh_token', 'id_token', 'Refresh', 'REFRESH_TOKEN', 'bearer ', 'Bearer\u0000', 'N_A', 'mac'),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('token_type', 'token_use', 'typ'), kind, async (field, value) => {
        fc.pre(!isAccess(field, value) && !(field === 'token_type' && value === null));
        for (const each of [site, lenient]) expect(await outcome(each, { ...good, [field]: value })).not.toBe('valid');
      }),
      { numRuns: 150 },
    );
  });

  it('of an inactive token is believed at once, and says nothing about our client', async () => {
    await using site = await siteAt(system.url);
    for (let turn = 0; turn < 8; turn += 1) {
      expect(await outcome(site, { active: false }, jws({ alg: 'RS256' }, { sub: 'p', turn }))).toBe(
        'invalid: invalid_token',
      );
    }
    system.reply = { status: 403, body: { error: 'access_denied' } };
    expect(await site.outcome('asked-without-a-right')).toBe('unknown: own_credentials_suspect');
  });
});
