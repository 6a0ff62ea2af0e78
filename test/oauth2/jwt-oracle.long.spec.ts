import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import * as oracle from 'oauth4webapi';
import { Authenticated } from './support/authenticated.js';
import { Issuer } from './support/issuer.js';
import { Mutations } from './support/mutations.js';

jest.setTimeout(120_000);

const API = 'https://api.example';
const CLIENT = 'title-1';
const CASES = 1_000;

describe('the verdict about a JWT access token', () => {
  let issuer: Issuer;
  let site: Authenticated;

  beforeAll(async () => {
    issuer = await Issuer.start();
    site = await Authenticated.by([
      oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT, verification: jwt({ audience: API }) }),
    ]);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
  });

  const server = () => ({ issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` });

  it(`is that of oauth4webapi, and never about another token, for ${CASES} mutated tokens`, async () => {
    const mutations = new Mutations(20_260_101);
    const metadata = server();
    const differences: string[] = [];
    const counted = { valid: 0, invalid: 0 };
    for (let index = 0; index < CASES; index += 1) {
      const { token, description } = await mutations.accessToken(issuer, { audience: API, client: CLIENT });
      const expected = await oracleVerdict(metadata, token);
      const verdict = await site.verdict(token);
      // A key id that is unknown within the cool-down may be that of a new key, and a token that was issued a little
      // ahead of our clock may show that the clock is slow: neither is a no.
      const isOpen = verdict.status === 'unknown' && ['unknown_key', 'issued_in_the_future'].includes(verdict.reason);
      if (isOpen ? expected : verdict.status === 'unknown' || (verdict.status === 'valid') !== expected) {
        differences.push(`${description}: expected ${expected ? 'valid' : 'invalid'}, got ${verdict.status}`);
      }
      counted[expected ? 'valid' : 'invalid'] += 1;
    }
    expect(differences).toEqual([]);
    expect(counted.valid).toBeGreaterThan(CASES / 10);
    expect(counted.invalid).toBeGreaterThan(CASES / 3);
  });

  /** The validator knows no client, takes any number for a time and any time of issue: three rules are added to it. */
  async function oracleVerdict(metadata: oracle.AuthorizationServer, token: string): Promise<boolean> {
    const request = new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } });
    try {
      const claims = await oracle.validateJwtAccessToken(metadata, request, API, {
        signingAlgorithms: ['RS256'],
        [oracle.allowInsecureRequests]: true,
        [oracle.clockTolerance]: 5,
      });
      return (
        claims.client_id === CLIENT && [claims.iat, claims.exp].every(isTime) && claims.iat <= Date.now() / 1000 + 5
      );
    } catch {
      return false;
    }
  }
});

/** Seconds since 1970; not before it, and not milliseconds. */
function isTime(seconds: number): boolean {
  return seconds >= 0 && seconds <= 1e11;
}
