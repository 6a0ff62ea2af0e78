import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeUnverifiedJws, isCanonicalJws, signingInputOf } from './unverified-jws.js';
import { propertyRuns } from '../testing-support/property-runs.js';
import { isJsonObject } from './claims.js';

const part = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
const jws = fc.tuple(part, part, part);
const BYTE_ORDER_MARK = Buffer.from('\ufeff').toString('base64url');

/** By decoding and encoding again, which costs more. */
function isTheOnlySpelling(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 3 && parts.every((item) => item !== '' && reencoded(item) === item);
}

const reencoded = (text: string) => Buffer.from(text, 'base64url').toString('base64url');

describe('the spelling of a compact JWS', () => {
  it('is canonical exactly when decoding and encoding again gives the same text', () => {
    const character = fc.constantFrom(...Array.from('ABCZabcz0189-_+/=. \t\n\u00e9'));
    const change = fc.tuple(fc.nat(), fc.oneof(character, fc.constant('')));
    fc.assert(
      fc.property(jws, fc.array(change, { maxLength: 3 }), (parts, changes) => {
        let text = parts.join('.');
        for (const [pick, other] of changes) {
          const at = pick % (text.length + 1);
          text = text.slice(0, at) + other + text.slice(at + (pick % 2));
        }
        fc.pre(!text.split('.').some((item) => item.startsWith(BYTE_ORDER_MARK)));
        expect(isCanonicalJws(text)).toBe(isTheOnlySpelling(text));
      }),
      { numRuns: propertyRuns(5_000) },
    );
  });

  it.each([0, 1])('is not canonical with a byte order mark in part %i', (index) => {
    const withMark = Buffer.from('\ufeff{}').toString('base64url');
    const parts = ['e30', 'e30', 'c2ln'];
    expect(isCanonicalJws(parts.join('.'))).toBe(true);
    expect(isCanonicalJws(parts.with(index, withMark).join('.'))).toBe(false);
    expect(isCanonicalJws(parts.with(2, withMark).join('.'))).toBe(true);
  });

  it('is opaque with a byte order mark before the claims', () => {
    const [header, claims, marked] = ['{"alg":"RS256"}', '{"sub":"p"}', '\ufeff{"sub":"p"}'].map((text) =>
      Buffer.from(text).toString('base64url'),
    );
    expect(decodeUnverifiedJws(`${header}.${claims}.c2ln`)).toEqual({ claims: { sub: 'p' } });
    expect(decodeUnverifiedJws(`${header}.${marked}.c2ln`)).toBeUndefined();
  });
});

describe('the signing input', () => {
  it('is what stands before the second dot, whatever follows it', () => {
    fc.assert(
      fc.property(jws, fc.string(), ([header, claims], rest) => {
        expect(signingInputOf(`${header}.${claims}.${rest}`)).toBe(`${header}.${claims}`);
      }),
    );
  });

  it.each(['', 'a', 'a.b', '.'])('is none of %j', (text) => {
    expect(signingInputOf(text)).toBeUndefined();
  });
});

describe('decoding', () => {
  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const headers = fc.constantFrom(
    base64url({ alg: 'HS256' }),
    base64url({ alg: 'RS256', kid: 'a' }),
    base64url({ alg: 7 }),
    base64url([]),
    'e30',
    '',
    '*',
  );
  const claims = fc.oneof(
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
    fc.string(),
  );
  const texts = fc.oneof(
    fc.tuple(headers, claims, fc.constantFrom('sig', '', 'a.b')).map((parts) => parts.join('.')),
    fc.string(),
  );
  /** The three parts, each on its own, with no memory of an earlier token. */
  const claimsByParts = (token: string): unknown => {
    const parts = token.split('.');
    if (parts.length !== 3 || parts.includes('')) return undefined;
    const [header, body] = parts.slice(0, 2).map((part) => {
      if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
      try {
        const value: unknown = JSON.parse(
          new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, 'base64url')),
        );
        return isJsonObject(value) ? value : undefined;
      } catch {
        return undefined;
      }
    });
    return typeof header?.alg === 'string' ? body : undefined;
  };

  it('gives the same for a token whatever tokens were decoded before', () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 8 }), (tokens) => {
        for (const token of tokens) expect(decodeUnverifiedJws(token)?.claims).toEqual(claimsByParts(token));
      }),
      { numRuns: propertyRuns(300) },
    );
  });
});
