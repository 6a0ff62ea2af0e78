import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { InvalidRequestError } from '../../errors.js';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { resolveOAuth2Options } from '../options/resolve-oauth2-options.js';
import { userinfo } from '../verification/userinfo.js';
import { type AuthorizationUrlOptions, authorizationValues } from './authorization-request.js';

const settings = resolveOAuth2Options(
  {
    name: 'web',
    issuer: 'https://id.example.com',
    clientId: 'web-game',
    scopes: ['openid', 'phone'],
    authorizationParameters: { prompt: 'consent', ui_locales: 'sv' },
    verification: userinfo(),
  },
  'oauth2',
);
const valuesOf = async (options: unknown) => authorizationValues(settings, options as AuthorizationUrlOptions);
const UNIQUE = () => randomBytes(16).toString('base64url');

describe('the values of an authorization request', () => {
  it('are those that were given, and random ones for the rest', async () => {
    const [state, nonce] = [UNIQUE(), UNIQUE()];
    const given = await valuesOf({ state, nonce, prompt: 'login', loginHint: 'Åsa +46 1', scopes: ['phone', 'other'] });
    expect(given).toMatchObject({ state, nonce, scopes: ['phone', 'other'] });
    expect(given.parameters).toEqual({
      ui_locales: 'sv',
      prompt: 'login',
      login_hint: 'Åsa +46 1',
      scope: 'phone other',
      state,
      nonce,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    const made = await Promise.all([valuesOf({}), valuesOf({})]);
    const random = made.flatMap((values) => [values.state, values.nonce, values.codeVerifier]);
    expect(new Set(random).size).toBe(6);
    expect(random.every((text) => text !== undefined && /^[\w-]{43}$/.test(text))).toBe(true);
    expect(made[0]?.parameters).toMatchObject({ prompt: 'consent', scope: 'openid phone' });
  });

  it('have no nonce without openid, unless one is given', async () => {
    expect((await valuesOf({ scopes: ['phone'] })).parameters).not.toHaveProperty('nonce');
    const nonce = UNIQUE();
    expect(await valuesOf({ scopes: ['phone'], nonce })).toMatchObject({ nonce, parameters: { nonce } });
  });

  it('may be 128 random bits in any of the usual forms', async () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 32 }).map((array) => Buffer.from(array));
    const formed = fc.constantFrom('base64url', 'hex').chain((form) => bytes.map((buffer) => buffer.toString(form)));
    const varied = formed.filter((text) => new Set(text).size >= 6);
    await fc.assert(
      fc.asyncProperty(varied, async (state) => {
        expect((await valuesOf({ state, nonce: state })).state).toBe(state);
      }),
      { numRuns: propertyRuns(200) },
    );
    expect(await valuesOf({ state: randomUUID() })).toBeDefined();
  });

  it.each([
    ['short', 'my-state'],
    ['short by one', UNIQUE().slice(0, 21)],
    ['22 hexadecimal digits', '0123456789abcdef012345'],
    ['31 hexadecimal digits', randomBytes(16).toString('hex').slice(0, 31)],
    ['38 decimal digits', '01234567890123456789012345678901234567'],
    ['a group of dashes among decimal digits', '1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0'],
    ['one character many times', 'a'.repeat(64)],
    ['two characters many times', 'xy'.repeat(32)],
    ['long', UNIQUE().repeat(6)],
    ['of another alphabet', `${UNIQUE()}/`],
    ['with a line break', `${UNIQUE()}\n`],
    ['with a space', `${UNIQUE()} `],
    ['empty', ''],
    ['a number', 123_456_789],
    ['an array', [UNIQUE()]],
    ['null', null],
    ['an object', { toString: UNIQUE }],
  ])('may not have a state or a nonce that is %s', async (_name, value) => {
    for (const name of ['state', 'nonce']) {
      const error: unknown = await valuesOf({ [name]: value }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidRequestError);
      // One sentence, whatever the value is.
      expect(String(error)).toMatch(new RegExp(`${name} must be 22 to 128 characters of .* with 128 random bits$`));
    }
  });

  it.each<[string, object]>([
    ['prompt', { prompt: '' }],
    ['prompt', { prompt: 'LOGIN' }],
    ['prompt', { prompt: 'none login' }],
    ['prompt', { prompt: 'login&max_age=0' }],
    ['prompt', { prompt: 'a b c d e' }],
    ['prompt', { prompt: ['login', 'none'] }],
    ['loginHint', { loginHint: '' }],
    ['loginHint', { loginHint: 'x'.repeat(257) }],
    ['loginHint', { loginHint: 'a\r\nSet-Cookie: b' }],
    ['loginHint', { loginHint: '\ud800' }],
    ['loginHint', { loginHint: 7 }],
    ['scopes', { scopes: 'phone' }],
    ['scopes', { scopes: ['phone openid'] }],
    ['scopes', { scopes: ['phone,openid'] }],
    ['scopes', { scopes: [''] }],
    ['scopes', { scopes: ['"'] }],
    ['scopes', { scopes: [7] }],
    ['scopes', { scopes: ['x'.repeat(513)] }],
  ])('may not have this %s: %j', async (name, options) => {
    await expect(valuesOf(options)).rejects.toThrow(new RegExp(`^${name} must be`));
  });
});
