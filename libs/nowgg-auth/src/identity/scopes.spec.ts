import { describe, expect, it } from '@jest/globals';
import { readScopes } from './scopes.js';

describe('scopes', () => {
  it('are read from a text or a list, in their order', () => {
    expect(readScopes('email  profile\tplay ')).toEqual(['email', 'profile', 'play']);
    expect(readScopes(['email', 7, '', null, 'profile'])).toEqual(['email', 'profile']);
    expect(readScopes(undefined)).toEqual([]);
    expect(readScopes({ 0: 'email' })).toEqual([]);
  });

  it('are parted by commas only where the system says so', () => {
    expect(readScopes('read,write', ',')).toEqual(['read', 'write']);
    expect(readScopes('read,write')).toEqual(['read,write']);
    expect(readScopes('read,write', ',')).toEqual(['read', 'write']);
  });

  it('of the same text are one frozen list', () => {
    expect(readScopes('email profile')).toBe(readScopes(['email', 'profile'].join(' ')));
    expect(Object.isFrozen(readScopes('email profile'))).toBe(true);
    expect(Object.isFrozen(readScopes(['email']))).toBe(true);
  });

  it('of a very long text are read but not kept', () => {
    const text = Array.from({ length: 400 }, (_, index) => `scope${index}`).join(' ');
    expect(readScopes(text)).toHaveLength(400);
    expect(readScopes(text)).not.toBe(readScopes(text));
  });
});
