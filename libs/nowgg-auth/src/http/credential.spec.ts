import { describe, expect, it } from '@jest/globals';
import { parseAuthorization, readCredential } from './credential.js';

const token = (text: string) => ({ outcome: 'token', token: text });
const request = (authorization: string, url = '/me') => ({
  headers: { authorization },
  rawHeaders: ['Host', 'x', 'Authorization', authorization],
  url,
});

describe('parseAuthorization', () => {
  it.each(['Bearer A', 'bearer A', 'BEARER A', 'bEaReR A', 'Bearer  A', 'Bearer      A'])(
    'reads %j as the token A',
    (h) => {
      expect(parseAuthorization(h)).toEqual(token('A'));
    },
  );

  it.each(['', 'Basic QQ==', 'DPoP A', 'Digest a="b"', 'BearerA', 'Bearer-x A', 'Bear', 'Negotiate Bearer A'])(
    'takes %j for no bearer credential',
    (h) => expect(parseAuthorization(h)).toEqual({ outcome: 'none' }),
  );

  it.each([
    'Bearer',
    'Bearer ',
    'Bearer A B',
    'Bearer A, Basic B',
    'Bearer\tA',
    'Bearer\u00a0A',
    'Bearer"A"',
    'Bearer=A',
  ])('refuses the form of %j', (h) => expect(parseAuthorization(h)).toEqual({ outcome: 'malformed' }));

  it('takes 8,192 characters and not one more', () => {
    const longest = 'a'.repeat(8192);
    expect(parseAuthorization(`Bearer ${longest}`)).toEqual(token(longest));
    expect(parseAuthorization(`Bearer ${longest}a`)).toEqual({ outcome: 'malformed' });
  });

  it("leaves the token's alphabet to the authenticator, which looks at it once", () => {
    expect(parseAuthorization('Bearer "A"')).toEqual(token('"A"'));
  });
});

describe('readCredential', () => {
  it('finds none without a header', () => {
    expect(readCredential({ headers: {}, rawHeaders: [], url: '/me?access_token=A' })).toEqual({ outcome: 'none' });
    expect(readCredential({})).toEqual({ outcome: 'none' });
  });

  it.each([
    ['the same', ['Authorization', 'Bearer A', 'Authorization', 'Bearer A']],
    ['different', ['authorization', 'Bearer A', 'Host', 'x', 'AUTHORIZATION', 'Basic B']],
  ])('finds two Authorization lines ambiguous when they are %s', (_, rawHeaders) => {
    expect(readCredential({ headers: { authorization: 'Bearer A' }, rawHeaders })).toEqual({ outcome: 'ambiguous' });
  });

  it('is not fooled by a header value that reads authorization', () => {
    const rawHeaders = ['X-Note', 'authorization', 'Authorization', 'Bearer A'];
    expect(readCredential({ headers: { authorization: 'Bearer A' }, rawHeaders })).toEqual(token('A'));
  });

  it('reads a request whose raw headers are not kept, as serverless adapters make them', () => {
    expect(readCredential({ headers: { authorization: 'Bearer A' } })).toEqual(token('A'));
  });

  it.each([
    '/me?access_token=B',
    '/me?a=1&access_token=B',
    '/me?access_token',
    '/me?%61ccess_token=B',
    '/me?access%5Ftoken=B',
    '/me?access_token[]=B',
    '/me?access_token%5B0%5D=B',
  ])('finds a header beside %s ambiguous', (url) => {
    expect(readCredential(request('Bearer A', url))).toEqual({ outcome: 'ambiguous' });
    expect(readCredential(request('Bearer', url))).toEqual({ outcome: 'ambiguous' });
  });

  it('looks at the query that the client sent, also where a router has rewritten the address', () => {
    const rewritten = { ...request('Bearer A'), originalUrl: '/api/me?access_token=B' };
    expect(readCredential(rewritten)).toEqual({ outcome: 'ambiguous' });
  });

  it.each([
    '/me',
    '/me?',
    '/me?x=access_token',
    '/me?my_access_token=B',
    '/me?access_tokens=B',
    '/me?%zz=1',
    '/access_token',
  ])('sees no second credential in %s', (url) => expect(readCredential(request('Bearer A', url))).toEqual(token('A')));

  it('leaves another scheme beside a query token alone', () => {
    expect(readCredential(request('Basic QQ==', '/me?access_token=B'))).toEqual({ outcome: 'none' });
  });
});
