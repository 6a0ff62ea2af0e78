import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type IdentityProvider, SystemClock } from 'nestjs-nowgg-auth';
import { oauth2, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { decodeProtectedHeader } from 'jose';
import * as openid from 'openid-client';
import { FetchIdentityHttp } from './support/fetch-identity-http.js';
import { Issuer } from './support/issuer.js';
import { Mutations } from './support/mutations.js';

jest.setTimeout(180_000);

const CASES = 1_000;
const CLIENT = 'title-1';
const NONCE = 'nonce-of-this-sign-in';
const STATE = 'state-of-this-sign-in';
const CALLBACK = `https://game.example/callback?code=c&state=${STATE}`;

describe('the verdict about the id_token of a sign-in', () => {
  let issuer: Issuer;
  let provider: IdentityProvider;
  let alone: openid.Configuration;

  beforeAll(async () => {
    issuer = await Issuer.start();
    provider = oauth2({
      name: 'web',
      issuer: issuer.url,
      clientId: CLIENT,
      redirectUri: 'https://game.example/callback',
      verification: userinfo(),
    }).create({ http: new FetchIdentityHttp(), clock: new SystemClock(), clockSkewMs: 5_000 });
    alone = await openid.discovery(
      new URL(issuer.url),
      CLIENT,
      { id_token_signed_response_alg: 'RS256', [openid.clockTolerance]: 5 },
      openid.None(),
      { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] },
    );
  });
  afterAll(async () => issuer[Symbol.asyncDispose]());

  it(`is that of openid-client alone, for ${CASES} mutated tokens`, async () => {
    const mutations = new Mutations(20_260_202);
    const differences: string[] = [];
    const counted = { valid: 0, invalid: 0 };
    for (let index = 0; index < CASES; index += 1) {
      const { token, description } = await mutations.idToken(issuer, { client: CLIENT, nonce: NONCE });
      issuer.tokenReply = {
        access_token: 'a',
        token_type: 'bearer',
        expires_in: 60,
        refresh_token: 'r',
        id_token: token,
      };
      const expected = await openid
        .authorizationCodeGrant(alone, new URL(CALLBACK), {
          expectedNonce: NONCE,
          expectedState: STATE,
          pkceCodeVerifier: 'v'.repeat(43),
        })
        .then(
          () => 'tokens',
          () => 'refused',
        );
      const { status } = await provider.exchangeCode({
        code: 'c',
        codeVerifier: 'v'.repeat(43),
        authorization: { parameters: new URL(CALLBACK).search, state: STATE, nonce: NONCE },
        signal: AbortSignal.timeout(10_000),
      });
      // Another algorithm than the configured one is told as what it is.
      const isOtherAlgorithm = status === 'misconfigured' && decodeProtectedHeader(token).alg !== 'RS256';
      if ((isOtherAlgorithm ? 'refused' : status) !== expected)
        differences.push(`${description}: expected ${expected}, got ${status}`);
      counted[expected === 'tokens' ? 'valid' : 'invalid'] += 1;
    }
    expect(differences).toEqual([]);
    expect(counted.valid).toBeGreaterThan(CASES / 10);
    expect(counted.invalid).toBeGreaterThan(CASES / 3);
  });
});
