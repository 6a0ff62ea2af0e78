import { describe, expect, it } from '@jest/globals';
import { forgetConnectionCredential, readConnectionCredential } from './connection-credential.js';

const upgradeWith = (authorization?: string) => ({
  headers: { ...(authorization !== undefined && { authorization }), host: 'game' },
  headersDistinct: { ...(authorization !== undefined && { authorization: [authorization] }) },
  rawHeaders: ['Host', 'game', ...(authorization === undefined ? [] : ['Authorization', authorization])],
});
const inherited = Object.create({ authorization: 'Bearer inherited' }) as object;

describe('the credential of a connection', () => {
  it.each([
    ['none', undefined, undefined, { outcome: 'none' }],
    ['parameters that are a text', undefined, 'Bearer t', { outcome: 'none' }],
    ['an array of parameters', undefined, ['authorization', 'Bearer t'], { outcome: 'none' }],
    ['another scheme', undefined, { authorization: 'Basic t' }, { outcome: 'none' }],
    ['a property of the prototype', undefined, inherited, { outcome: 'none' }],
    ['the parameters', undefined, { authorization: 'Bearer t' }, { outcome: 'token', token: 't' }],
    ['the parameters, capitalized', undefined, { Authorization: 'bearer t' }, { outcome: 'token', token: 't' }],
    ['their headers', undefined, { headers: { authorization: 'Bearer t' } }, { outcome: 'token', token: 't' }],
    ['the upgrade', 'Bearer t', undefined, { outcome: 'token', token: 't' }],
    ['the same token twice', 'Bearer t', { authorization: 'Bearer t' }, { outcome: 'token', token: 't' }],
    ['two tokens', 'Bearer t', { authorization: 'Bearer u' }, { outcome: 'ambiguous' }],
    ['two spellings', undefined, { authorization: 'Bearer t', Authorization: 'Bearer u' }, { outcome: 'ambiguous' }],
    ['a token and rubbish', 'Bearer t', { authorization: 7 }, { outcome: 'ambiguous' }],
    ['a list', undefined, { authorization: ['Bearer t'] }, { outcome: 'malformed' }],
    ['a text that is too long', undefined, { authorization: `Bearer ${'t'.repeat(1e6)}` }, { outcome: 'malformed' }],
  ])('is read from %s', (_, header, parameters, expected) => {
    const upgrade = header === undefined ? undefined : upgradeWith(header);
    expect(readConnectionCredential(upgrade, parameters)).toEqual(expected);
  });

  it('is not what Mercurius has copied from the parameters into the headers', () => {
    const upgrade = { ...upgradeWith(), headers: { authorization: 'Bearer copied' } };
    expect(readConnectionCredential(upgrade, {})).toEqual({ outcome: 'none' });
    expect(readConnectionCredential({ raw: upgrade }, {})).toEqual({ outcome: 'none' });
  });

  it('is removed from everything that shows it', () => {
    const upgrade = upgradeWith('Bearer secret');
    const parameters = { authorization: 'Bearer secret', locale: 'en', headers: { Authorization: 'Bearer secret' } };
    forgetConnectionCredential({ raw: upgrade }, parameters);
    expect({ upgrade, parameters }).toEqual({
      upgrade: { headers: { host: 'game' }, headersDistinct: {}, rawHeaders: ['Host', 'game'] },
      parameters: { locale: 'en', headers: {} },
    });
    expect(() => forgetConnectionCredential(undefined, null)).not.toThrow();
  });
});
