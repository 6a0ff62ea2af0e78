import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readIdTokenClaims, storedIdTokenClaims } from './id-token-claims.js';

const REQUIRED = { iss: 'https://id.example', sub: 'player-1', aud: 'game', exp: 2_000_000_000, iat: 1_900_000_000 };

describe('the claims of an id_token', () => {
  it('are given as they came, with those that OpenID Connect does not name', () => {
    const given = { ...REQUIRED, phone: '+46', phone_number_verified: true, amr: ['otp'], 'https://x/roles': ['a'] };
    expect(readIdTokenClaims(structuredClone(given))).toEqual(given);
  });

  it.each([
    ['email', 5],
    ['email', { toString: 'x' }],
    ['email_verified', 'true'],
    ['phone_number_verified', 1],
    ['auth_time', '1900000000'],
    ['auth_time', Number.NaN],
    ['nonce', ['a']],
    ['amr', 'otp'],
    ['amr', ['otp', 5]],
    ['name', '\ud800'],
  ])('are left out where %s has a type of its own: %p', (name, value) => {
    expect(readIdTokenClaims({ ...REQUIRED, [name]: value })).toEqual(REQUIRED);
  });

  it('are frozen at every level, and reach no prototype', () => {
    const parsed = JSON.parse('{"sub":"p","address":{"locality":"Oslo"},"__proto__":{"isAdmin":true}}') as object;
    const claims = readIdTokenClaims(parsed);
    expect([Object.isFrozen(claims), Object.isFrozen(claims.address)]).toEqual([true, true]);
    expect([claims.isAdmin, Object.getPrototypeOf(claims)]).toEqual([undefined, Object.prototype]);
  });

  it('are the same after they were stored', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (extra) => {
        const parsed = JSON.parse(JSON.stringify({ ...extra, ...REQUIRED })) as object;
        const claims = readIdTokenClaims(parsed);
        expect(storedIdTokenClaims(JSON.parse(JSON.stringify(claims)))).toEqual(claims);
      }),
    );
  });

  it('are absent where none were stored', () => {
    expect([undefined, null, 'x', []].map(storedIdTokenClaims)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
