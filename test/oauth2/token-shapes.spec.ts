import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  introspection,
  type IntrospectionOptions,
  jwt,
  type JwtVerificationOptions,
  oauth2,
} from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { CLIENT_ID, CLIENT_SECRET } from './support/identity-system.js';
import { Issuer } from './support/issuer.js';
import { ScriptedSystem } from './support/scripted-system.js';

jest.setTimeout(60_000);

const API = 'https://api.example.com';
const INVALID = 'invalid: invalid_token';
const WRONG_CLIENT = 'invalid: wrong_client';
const WRONG_TYPE = 'invalid: wrong_token_type';

/** Tokens that a client got for itself: their subject is not a player. */
const APPLICATION_TOKENS = [
  ['its subject is its client', { sub: CLIENT_ID, client_id: CLIENT_ID }],
  ['its subject is another client', { sub: 'another', client_id: 'another' }],
  ['gty says so', { sub: `${CLIENT_ID}@clients`, client_id: CLIENT_ID, gty: 'client-credentials' }],
  ['idtyp says so', { sub: '5f0c', client_id: CLIENT_ID, idtyp: 'app' }],
] as const;

describe('access tokens of known systems by jwt()', () => {
  let issuer: Issuer;
  beforeEach(async () => {
    issuer = await Issuer.start();
  });
  afterEach(async () => issuer[Symbol.asyncDispose]());

  const outcomeWith = async (
    options: JwtVerificationOptions,
    claims: Record<string, unknown>,
    header: Record<string, unknown> = {},
  ) => {
    const verification = jwt(options);
    await using game = await Authenticated.by([
      oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT_ID, verification }),
    ]);
    const now = Math.floor(Date.now() / 1000);
    const base = { iss: issuer.url, sub: 'player-1', jti: 'j1', iat: now, exp: now + 60 };
    return game.outcome(await issuer.sign({ ...base, ...claims }, header));
  };

  const cognito: JwtVerificationOptions = { audience: false, typ: false, tokenUse: 'access' };
  const untyped = { typ: undefined };

  it.each<[string, Record<string, unknown>, string]>([
    ['an access token', { token_use: 'access', client_id: CLIENT_ID }, 'valid'],
    ['an access token with an audience', { token_use: 'access', client_id: CLIENT_ID, aud: API }, 'valid'],
    ['an id_token', { token_use: 'id', aud: CLIENT_ID }, WRONG_TYPE],
    ['an id_token that names the client', { token_use: 'id', aud: CLIENT_ID, client_id: CLIENT_ID }, WRONG_TYPE],
    ['a token without a use', { client_id: CLIENT_ID }, WRONG_TYPE],
    ['a use that is a list', { token_use: ['access'], client_id: CLIENT_ID }, WRONG_TYPE],
    ['a use in another case', { token_use: 'Access', client_id: CLIENT_ID }, WRONG_TYPE],
    ['the access token of another client', { token_use: 'access', client_id: 'another' }, WRONG_CLIENT],
    ['an access token without a client', { token_use: 'access' }, WRONG_CLIENT],
    ['a client that is a list', { token_use: 'access', client_id: [CLIENT_ID] }, WRONG_CLIENT],
    ['an access token without a user', { token_use: 'access', client_id: CLIENT_ID, sub: undefined }, INVALID],
  ])('Amazon Cognito: %s', async (_name, claims, expected) => {
    expect(await outcomeWith(cognito, claims, untyped)).toBe(expected);
  });

  it.each<[string, string, Record<string, unknown>, string]>([
    ['Okta', 'cid', { cid: CLIENT_ID }, 'valid'],
    ['Okta', 'cid', { cid: 'another' }, WRONG_CLIENT],
    ['Okta', 'cid', { cid: 'another', client_id: CLIENT_ID, azp: CLIENT_ID }, WRONG_CLIENT],
    ['Okta', 'cid', {}, WRONG_CLIENT],
    ['Entra ID version 1', 'appid', { appid: CLIENT_ID }, 'valid'],
    ['Entra ID version 1', 'appid', { appid: 'another' }, WRONG_CLIENT],
    ['a name of every object', 'toString', {}, WRONG_CLIENT],
    ['a name of every object', '__proto__', {}, WRONG_CLIENT],
  ])('%s names its client by %s: %j', async (_name, clientClaim, claims, expected) => {
    const options = { audience: API, typ: false as const, clientClaim };
    expect(await outcomeWith(options, { aud: API, ...claims }, untyped)).toBe(expected);
  });

  it('with the type at+jwt need the configured claim instead of client_id', async () => {
    const options = { audience: API, clientClaim: 'cid' };
    expect(await outcomeWith(options, { aud: API, cid: CLIENT_ID })).toBe('valid');
    expect(await outcomeWith(options, { aud: API, client_id: CLIENT_ID })).toBe(INVALID);
  });

  it.each(APPLICATION_TOKENS)('of an application are refused: %s', async (_name, claims) => {
    const options = { audience: API, sameClient: false };
    expect(await outcomeWith(options, { aud: API, ...claims })).toBe(WRONG_TYPE);
    const ofPlayer = { ...claims, sub: 'player-1', gty: 'password', idtyp: 'user' };
    expect(await outcomeWith(options, { aud: API, ...ofPlayer })).toBe('valid');
  });

  it('may have the client id as audience, if their use tells them from id_tokens', async () => {
    const options = { audience: CLIENT_ID, typ: false as const, tokenUse: 'access' };
    const claims = { aud: CLIENT_ID, azp: CLIENT_ID };
    expect(await outcomeWith(options, { ...claims, token_use: 'access' }, untyped)).toBe('valid');
    expect(await outcomeWith(options, { ...claims, token_use: 'id' }, untyped)).toBe(WRONG_TYPE);
    expect(await outcomeWith(options, claims, untyped)).toBe(WRONG_TYPE);
  });
});

const introspecting = (url: string, options: IntrospectionOptions) =>
  Authenticated.by([
    oauth2({
      name: 'web',
      endpoints: { introspection: `${url}/introspect` },
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      verification: introspection(options),
    }),
  ]);

describe.each(APPLICATION_TOKENS)('a token of an application: %s', (_name, claims) => {
  it('is refused by introspection()', async () => {
    await using system = await ScriptedSystem.start();
    await using game = await introspecting(system.url, { sameClient: false });
    system.reply = { body: { active: true, token_type: 'Bearer', ...claims } };
    expect(await game.outcome('opaque')).toBe(WRONG_TYPE);
  });
});

describe('introspection() with an audience', () => {
  it.each<[unknown, string]>([
    [API, 'valid'],
    [['https://other.example', API], 'valid'],
    ['https://other.example', WRONG_CLIENT],
    [`${API}/`, WRONG_CLIENT],
    [undefined, WRONG_CLIENT],
    [[], WRONG_CLIENT],
    [[API, 7], WRONG_CLIENT],
    [{ [API]: true }, WRONG_CLIENT],
  ])('judges the aud %j', async (aud, expected) => {
    await using system = await ScriptedSystem.start();
    await using game = await introspecting(system.url, { audience: API });
    const answer = { active: true, sub: 'player-1', client_id: CLIENT_ID, token_type: 'Bearer', aud };
    system.reply = { body: answer };
    expect(await game.outcome('opaque')).toBe(expected);
    // A refusal of our own is not remembered against the token.
    system.reply = { body: { ...answer, aud: API } };
    expect(await game.outcome('opaque', { maxAgeMs: 0 })).toBe('valid');
  });
});
