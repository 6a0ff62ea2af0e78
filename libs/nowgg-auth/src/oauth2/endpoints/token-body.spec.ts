import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { tokenBody } from './token-body.js';

const read = tokenBody({ scopeSeparator: ' ', ignoresIdToken: false });
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('tokenBody', () => {
  it.each([
    ['a list of scopes', { scope: ['read', 'write'] }, { token_type: 'bearer', scope: 'read write' }],
    ['an empty list of scopes', { scope: [] }, { token_type: 'bearer', scope: '' }],
    ['a list with another value', { scope: ['read', 1] }, { token_type: 'bearer', scope: ['read', 1] }],
    ['no token_type', {}, { token_type: 'bearer' }],
    ['null as token_type and expires_in', { token_type: null, expires_in: null }, { token_type: 'bearer' }],
    ['a type that is bound to a key', { token_type: 'DPoP' }, { token_type: 'DPoP' }],
    ['null as scope', { token_type: 'bearer', scope: null }, { token_type: 'bearer' }],
  ])('reads %s', (_name, given, expected) => {
    expect(json(read({ access_token: 'a', ...given }))).toEqual({ access_token: 'a', ...expected });
  });

  it('joins scopes with the separator of the identity system', () => {
    const withCommas = tokenBody({ scopeSeparator: ',', ignoresIdToken: false });
    expect(withCommas({ access_token: 'a', scope: ['read', 'write'] })).toMatchObject({ scope: 'read,write' });
  });

  it('hides an id_token only where nothing depends on it', () => {
    const body = { access_token: 'a', token_type: 'bearer', id_token: 7 };
    expect(read(body)).toMatchObject({ id_token: 7 });
    expect(tokenBody({ scopeSeparator: ' ', ignoresIdToken: true })(body)).not.toHaveProperty('id_token');
  });

  it('changes nothing without an access token, and nothing of a standard reply', () => {
    const scope = fc.array(fc.stringMatching(/^[a-z]{1,5}$/), { minLength: 1 }).map((scopes) => scopes.join(' '));
    const standard = fc.record({
      access_token: fc.string({ minLength: 1 }),
      token_type: fc.constantFrom('bearer', 'Bearer', 'DPoP', 'mac', ''),
      expires_in: fc.oneof(fc.nat(), fc.constant('3600'), fc.constant(-1)),
      scope,
    });
    fc.assert(
      fc.property(standard, (body) => {
        expect(json(read(body))).toEqual(json(body));
        const { access_token: _none, ...refusal } = body;
        expect(json(read(refusal))).toEqual(json(refusal));
      }),
    );
  });
});
