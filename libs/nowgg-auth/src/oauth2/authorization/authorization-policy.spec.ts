import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { mayReturnTo, resolveAuthorizationPolicy } from './authorization-policy.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

describe('where a sign-in may return to', () => {
  const everyPath = resolveAuthorizationPolicy({});
  const few = resolveAuthorizationPolicy({ returnTo: ['/lobby', '/shop/', 'https://play.example'] });

  it.each(['/', '/lobby', '/a/b?c=d&e=%20#f', `/${'x'.repeat(255)}`])('by default is any path: %s', (address) => {
    expect(mayReturnTo(everyPath, address)).toBe(true);
  });

  it.each([
    '',
    'lobby',
    '//evil.example',
    '/\\evil.example',
    '/a\\b',
    'https://evil.example/',
    'javascript:alert(1)',
    '/a b',
    '/a"b',
    '/\t/evil.example',
    '/é',
    `/${'x'.repeat(256)}`,
    ['/a', '/b'],
    { path: '/a' },
    undefined,
    null,
    5,
  ])('is never %j', (address) => {
    expect(mayReturnTo(everyPath, address)).toBe(false);
    expect(mayReturnTo(few, address)).toBe(false);
  });

  it.each([
    ['/lobby', true],
    ['/lobby?room=1', true],
    ['/lobby/1', true],
    ['/lobbyist', false],
    ['/lobby/../admin', false],
    ['/lobby/%2e%2e/admin', false],
    ['/shop/1', true],
    ['/shop', false],
    ['/', false],
    ['https://play.example/', true],
    ['https://play.example/a?b=c', true],
    ['https://play.example', false],
    ['https://play.example.evil.example/', false],
    ['https://play.example@evil.example/', false],
    ['https://user@play.example/', false],
    ['http://play.example/', false],
    ['https://play.example:8443/', false],
  ])('with a list: %s is %p', (address, expected) => {
    expect(mayReturnTo(few, address)).toBe(expected);
  });

  it('never leads a browser to another origin that is not named', () => {
    const text = fc.oneof(
      fc.webUrl(),
      fc.string({ maxLength: 30 }),
      fc.string({ maxLength: 30, unit: fc.constantFrom('/', '\\', '.', ':', '@', 'a', '%', '2', 'f', '\t', '?', '#') }),
    );
    fc.assert(
      fc.property(text, fc.boolean(), (address, hasList) => {
        const isAllowed = mayReturnTo(hasList ? few : everyPath, address);
        const origins = hasList ? ['https://game.example', 'https://play.example'] : ['https://game.example'];
        const leadsTo = isAllowed ? new URL(address, 'https://game.example/auth/callback').origin : origins[0];
        expect(origins).toContain(leadsTo);
      }),
      { numRuns: propertyRuns(500) },
    );
  });

  it.each([
    [{ startOrigins: ['https://www.example.com/'] }, /startOrigins/],
    [{ startOrigins: ['http://www.example.com'] }, /startOrigins/],
    [{ startOrigins: ['https://*.example.com'] }, /startOrigins/],
    [{ startOrigins: 'https://www.example.com' }, /startOrigins/],
    [{ returnTo: ['lobby'] }, /returnTo/],
    [{ returnTo: ['//evil.example'] }, /returnTo/],
    [{ returnTo: '/' }, /returnTo/],
    [{ returnTos: ['/lobby'] }, /unknown option returnTos/],
    [{ startOrigins: null }, /startOrigins/],
    [{ returnTo: [5], startOrigins: [5] }, /startOrigins.*returnTo/],
  ])('is refused at boot as %j', (options, message) => {
    expect(() => resolveAuthorizationPolicy(options as never)).toThrow(message);
  });
});
