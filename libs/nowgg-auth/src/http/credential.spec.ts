import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
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

describe('a function of the application that finds the token elsewhere', () => {
  const ofHeader = (name: string) => (given: { headers: NodeJS.Dict<string | string[]> }) =>
    given.headers[name]?.toString();
  const read = (headers: Record<string, string>, extract: (given: never) => unknown) =>
    readCredential({ headers, rawHeaders: Object.entries(headers).flat(), url: '/me' }, extract as () => string);
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is asked beside the header, and finds the token or none', () => {
    const extract = ofHeader('x-token');
    expect(read({ 'x-token': 'A' }, extract)).toEqual(token('A'));
    expect(read({ authorization: 'Bearer B' }, extract)).toEqual(token('B'));
    expect(read({}, extract)).toEqual({ outcome: 'none' });
    expect(read({ 'x-token': '' }, extract)).toEqual({ outcome: 'none' });
  });

  it('never wins over another token: two are ambiguous, the same twice is not', () => {
    const extract = ofHeader('x-token');
    expect(read({ authorization: 'Bearer B', 'x-token': 'A' }, extract)).toEqual({ outcome: 'ambiguous' });
    expect(read({ authorization: 'Bearer', 'x-token': 'A' }, extract)).toEqual({ outcome: 'ambiguous' });
    expect(read({ authorization: 'Bearer A', 'x-token': 'A' }, extract)).toEqual(token('A'));
    const twice = ['Authorization', 'Bearer A', 'Authorization', 'Bearer A'];
    const given = { headers: { authorization: 'Bearer A', 'x-token': 'A' }, rawHeaders: twice };
    expect(readCredential(given, extract)).toEqual({ outcome: 'ambiguous' });
  });

  it('finds what cannot be a token malformed', () => {
    expect(read({ 'x-token': 'A B' }, ofHeader('x-token'))).toEqual({ outcome: 'malformed' });
    expect(read({ 'x-token': 'a'.repeat(8193) }, ofHeader('x-token'))).toEqual({ outcome: 'malformed' });
  });

  it('that fails is a fault of the application, logged once, without what its error says', () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const broken = ({ headers }: { headers: Record<string, string> }) => {
      throw new Error(`the cookie is ${headers['x-token']}\n    at ${headers['x-token']}`);
    };
    for (const _ of [1, 2]) {
      expect(() => read({ 'x-token': 'a-secret' }, broken)).toThrow(/credentials\.extract threw an error/);
    }
    expect(logged).toHaveBeenCalledTimes(1);
    expect(JSON.stringify(logged.mock.calls)).toContain('credential.spec');
    expect(JSON.stringify(logged.mock.calls)).not.toContain('a-secret');
  });

  it.each([[null], [1], [['A']], [Promise.resolve('A')], [{}]])('that returns %p is refused', (result) => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    expect(() => read({}, () => result)).toThrow(/must return a string or undefined/);
  });
});
