import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ClientMetadata, ServerMetadata } from 'openid-client';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { clientSecretBasic } from './client-secret-basic.js';

const credentialsOf = (clientId: string, clientSecret: string) => {
  const headers = new Headers();
  const authenticate = clientSecretBasic(clientId, clientSecret);
  authenticate({} as ServerMetadata, {} as ClientMetadata, new URLSearchParams(), headers);
  const [scheme, value] = headers.get('authorization')?.split(' ') ?? [];
  expect(scheme).toBe('Basic');
  return Buffer.from(value as string, 'base64').toString('utf8');
};

/** As a server that follows RFC 6749 section 2.3.1 decodes. */
const decode = (text: string) => new URLSearchParams(`x=${text}`).get('x');

describe('client authentication by HTTP Basic', () => {
  it('leaves unreserved characters as they are, so that servers which do not decode see the same id and secret', () => {
    const id = '0b1c9f3e-6a1d-4f0e-9d55-3f6a1c2b7e88';
    expect(credentialsOf(id, 'se-cr_et.~x')).toBe(`${id}:se-cr_et.~x`);
    const unreserved = fc.stringMatching(/^[\w.~-]{1,60}$/);
    fc.assert(
      fc.property(unreserved, unreserved, (clientId, secret) => {
        expect(credentialsOf(clientId, secret)).toBe(`${clientId}:${secret}`);
      }),
      { numRuns: propertyRuns(300) },
    );
  });

  it('encodes the example of RFC 6749 appendix B as the RFC does', () => {
    expect(credentialsOf('client', ' %&+£€')).toBe('client:+%25%26%2B%C2%A3%E2%82%AC');
  });

  it('is read by a server that decodes, whatever the id and the secret are', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(text, text, (clientId, secret) => {
        const [id = '', rest = '', ...more] = credentialsOf(clientId, secret).split(':');
        expect([decode(id), decode(rest), more]).toEqual([clientId, secret, []]);
      }),
      { numRuns: propertyRuns(300) },
    );
  });
});
