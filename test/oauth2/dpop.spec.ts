import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import * as openid from 'openid-client';
import { NowggRevocationService } from 'nestjs-nowgg-auth';
import { introspection, jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { DpopProofs, dpopSettings } from '../../libs/nowgg-auth/src/proofs/dpop.js';
import { ManualClock } from '../../libs/nowgg-auth/src/testing-support/manual-clock.js';
import { call } from '../support/raw-http/raw-client.js';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { Issuer } from './support/issuer.js';
import { API, OPAQUE, shapeOf } from './configurations/configuration.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const PUBLIC_URL = 'https://api.game.example/v1';
const dpop = { publicUrl: PUBLIC_URL };
const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };

describe.each([
  ['express', 'jwt()', {}, jwt({ audience: API, dpop })],
  ['fastify', 'introspection()', OPAQUE, introspection({ dpop: { ...dpop, nonceSecret: 's'.repeat(32) } })],
] as const)(
  'a player with a bound token of oidc-provider on %s, verified by %s',
  (platform, _method, features, method) => {
    let system: IdentitySystem;
    let game: WebGame;

    beforeAll(async () => {
      system = await IdentitySystem.start(
        shapeOf({ name: 'DPoP', features: { ...features, dPoP: { enabled: true } } }),
      );
      const options = { name: 'web', issuer: system.url, ...client, verification: method };
      game = await WebGame.start([oauth2(options)], {}, platform);
    });
    afterAll(async () => {
      await game[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
    });

    /** A sign-in of a client of its own, whose access token is bound to its key. */
    const signIn = async () => {
      const configuration = await openid.discovery(
        new URL(system.url),
        CLIENT_ID,
        undefined,
        openid.ClientSecretBasic(CLIENT_SECRET),
        {
          execute: [openid.allowInsecureRequests],
        },
      );
      const handle = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair('ES256'));
      const pkceCodeVerifier = openid.randomPKCECodeVerifier();
      const url = openid.buildAuthorizationUrl(configuration, {
        redirect_uri: REDIRECT_URI,
        scope: 'openid read',
        code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      });
      const callback = new URL(await new Browser().go(url.href));
      const tokens = await openid.authorizationCodeGrant(configuration, callback, { pkceCodeVerifier }, undefined, {
        DPoP: handle,
      });
      // What a proxy does for the public address.
      configuration[openid.customFetch] = async (address, init) =>
        fetch(address.replace(PUBLIC_URL, game.url), init as RequestInit);
      const ask = async (path: string, method = 'GET') =>
        openid.fetchProtectedResource(
          configuration,
          tokens.access_token,
          new URL(PUBLIC_URL + path),
          method,
          undefined,
          undefined,
          {
            DPoP: handle,
          },
        );
      return { ask, tokens };
    };

    it('is admitted by a proof for each request, and not by the token alone', async () => {
      const { ask, tokens } = await signIn();
      expect(tokens.token_type).toBe('dpop');
      for (const path of ['/guarded', '/guarded?x=1', '/fresh', '/tokens']) {
        expect((await ask(path)).status).toBe(200);
      }
      expect((await ask('/guarded', 'POST')).status).toBe(200);
      const reply = await game.fetch('/guarded', tokens.access_token);
      expect([reply.status, reply.header('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('error="invalid_token"'),
      ]);
      expect(await game.outcome(tokens.access_token)).toBe('invalid: invalid_token');
    });
  },
);

describe('a proof with a nonce of the server', () => {
  it('is judged by the nonce instead of its time, and no longer than that lasts', async () => {
    const clock = new ManualClock();
    const settings = dpopSettings({ ...dpop, nonceSecret: 'n'.repeat(32) });
    const [proofs, otherProcess] = [new DpopProofs(settings, clock, 5_000), new DpopProofs(settings, clock, 5_000)];
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const ath = createHash('sha256').update('t').digest('base64url');
    const finding = async (nonce: unknown, by = proofs) => {
      const claims = { jti: randomUUID(), htm: 'GET', htu: `${PUBLIC_URL}/a`, ath, iat: 1, nonce };
      const proof = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk });
      return by.check(await proof.sign(privateKey), { token: 't', method: 'GET', path: '/a' });
    };
    const nonce = proofs.nonce();
    expect(await finding(nonce)).toMatchObject({ status: 'proven', lifeMs: 125_000 });
    expect(await finding(nonce, otherProcess)).toMatchObject({ status: 'proven' });
    for (const wrong of [undefined, '', 7, [nonce], `${nonce}x`]) {
      expect(await finding(wrong)).toEqual({ status: 'refused', fault: 'nonce' });
    }
    clock.advance(60_000);
    expect(proofs.nonce()).not.toBe(nonce);
    expect(await finding(nonce)).toMatchObject({ status: 'proven' });
    clock.advance(60_000);
    expect(await finding(nonce)).toEqual({ status: 'refused', fault: 'nonce' });
  });
});

describe('a proof of possession', () => {
  let issuer: Issuer;
  let game: WebGame;
  let own: Key;
  let other: Key;

  interface Key {
    readonly privateKey: CryptoKey;
    readonly jwk: JWK;
    readonly privateJwk: JWK;
    readonly thumbprint: string;
  }
  const newKey = async (algorithm = 'ES256'): Promise<Key> => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(publicKey);
    return { privateKey, jwk, privateJwk: await exportJWK(privateKey), thumbprint: await calculateJwkThumbprint(jwk) };
  };

  beforeAll(async () => {
    issuer = await Issuer.start();
    [own, other] = [await newKey(), await newKey()];
    const verification = jwt({ audience: API, dpop: { publicUrl: [PUBLIC_URL, 'https://other.example'] } });
    game = await WebGame.start([oauth2({ name: 'web', issuer: issuer.url, ...client, verification })]);
  });
  afterAll(async () => {
    await game[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
  });

  const seconds = () => Math.floor(game.clock.now() / 1000);
  const accessToken = async (claims: Record<string, unknown> = { cnf: { jkt: own.thumbprint } }) =>
    issuer.sign({
      iss: issuer.url,
      aud: API,
      sub: 'player-1',
      client_id: CLIENT_ID,
      jti: randomUUID(),
      iat: seconds(),
      exp: seconds() + 3_600,
      ...claims,
    });
  const ath = (token: string) => createHash('sha256').update(token).digest('base64url');
  const proofOf = async (
    token: string,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    key: CryptoKey | Uint8Array = own.privateKey,
  ) =>
    new SignJWT({
      jti: randomUUID(),
      htm: 'GET',
      htu: `${PUBLIC_URL}/guarded`,
      iat: seconds(),
      ath: ath(token),
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: own.jwk, ...header })
      .sign(key);
  const port = () => Number(new URL(game.url).port);
  const send = async (headers: ReadonlyArray<readonly [string, string]>, path = '/guarded', method = 'GET') =>
    call(port(), { path, method, headers });
  const present = async (token: string, proof: string, path?: string, method?: string) =>
    send(
      [
        ['Authorization', `DPoP ${token}`],
        ['DPoP', proof],
      ],
      path,
      method,
    );

  it('admits one request', async () => {
    const token = await accessToken();
    const first = await proofOf(token);
    expect((await present(token, first)).status).toBe(200);
    expect((await present(token, await proofOf(token))).status).toBe(200);
    const reply = await present(token, first);
    expect([reply.status, reply.header('www-authenticate'), reply.header('cache-control')]).toEqual([
      401,
      'DPoP realm="nowgg", error="invalid_dpop_proof", error_description="the DPoP proof is not valid: replayed", ' +
        'algs="ES256 ES384 EdDSA Ed25519"',
      'no-store',
    ]);
    expect(
      (await Promise.all(Array.from({ length: 20 }, () => first).map((proof) => present(token, proof)))).map(
        (reply) => reply.status,
      ),
    ).toEqual(Array(20).fill(401));
  });

  it.each(['ES384', 'EdDSA', 'Ed25519'])('by a key of %s admits too', async (alg) => {
    const key = await newKey(alg);
    const token = await accessToken({ cnf: { jkt: key.thumbprint } });
    expect((await present(token, await proofOf(token, {}, { alg, jwk: key.jwk }, key.privateKey))).status).toBe(200);
    expect((await present(token, await proofOf(token))).status).toBe(401);
  });

  it('admits one of twenty that come together', async () => {
    const token = await accessToken();
    const proof = await proofOf(token);
    const replies = await Promise.all(Array.from({ length: 20 }, async () => present(token, proof)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it.each<[string, string, (token: string) => Promise<string>]>([
    ['of another method', 'method', async (token) => proofOf(token, { htm: 'POST' })],
    ['of a method in lower case', 'method', async (token) => proofOf(token, { htm: 'get' })],
    ['of another path', 'address', async (token) => proofOf(token, { htu: `${PUBLIC_URL}/admin` })],
    ['of another host', 'address', async (token) => proofOf(token, { htu: 'https://evil.example/v1/guarded' })],
    ['of the address behind the proxy', 'address', async (token) => proofOf(token, { htu: `${game.url}/guarded` })],
    [
      'without the path of the API',
      'address',
      async (token) => proofOf(token, { htu: 'https://api.game.example/guarded' }),
    ],
    ['of plain http', 'address', async (token) => proofOf(token, { htu: 'http://api.game.example/v1/guarded' })],
    [
      'of an address with a user',
      'address',
      async (token) => proofOf(token, { htu: 'https://u@api.game.example/v1/guarded' }),
    ],
    ['without an address', 'address', async (token) => proofOf(token, { htu: undefined })],
    ['of another token', 'token', async () => proofOf(await accessToken())],
    ['without a token', 'token', async (token) => proofOf(token, { ath: undefined })],
    ['without an id', 'form', async (token) => proofOf(token, { jti: undefined })],
    ['with an endless id', 'form', async (token) => proofOf(token, { jti: 'x'.repeat(300) })],
    ['from the past', 'time', async (token) => proofOf(token, { iat: seconds() - 62 })],
    ['from the future', 'time', async (token) => proofOf(token, { iat: seconds() + 60 })],
    ['without a time', 'time', async (token) => proofOf(token, { iat: undefined })],
    ['that has expired', 'signature', async (token) => proofOf(token, { exp: seconds() - 120 })],
    ['of another type', 'key', async (token) => proofOf(token, {}, { typ: 'at+jwt' })],
    ['without a type', 'key', async (token) => proofOf(token, {}, { typ: undefined })],
    ['without a key', 'key', async (token) => proofOf(token, {}, { jwk: undefined })],
    ['with a private key', 'key', async (token) => proofOf(token, {}, { jwk: own.privateJwk })],
    [
      'with a symmetric key',
      'key',
      async (token) => proofOf(token, {}, { alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } }, new Uint8Array(32)),
    ],
    ['with a critical extension', 'key', async (token) => proofOf(token, {}, { crit: ['b64'], b64: true })],
    ['signed by another key than it names', 'signature', async (token) => proofOf(token, {}, {}, other.privateKey)],
    ['signed by no key', 'form', async (token) => `${(await proofOf(token)).split('.').slice(0, 2).join('.')}.`],
    [
      'with the algorithm none',
      'key',
      async (token) => {
        const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'dpop+jwt', jwk: own.jwk })).toString(
          'base64url',
        );
        return `${header}.${(await proofOf(token)).split('.')[1]}.AA`;
      },
    ],
    ['that is a text', 'form', async () => 'x'],
    ['that is endless', 'form', async () => 'x'.repeat(8_193)],
    ['that is the token', 'key', async (token) => token],
  ])('%s is refused', async (_name, fault, make) => {
    const token = await accessToken();
    const reply = await present(token, await make(token));
    const message = `the DPoP proof is not valid: ${fault}`;
    expect([reply.status, reply.json()]).toEqual([401, { statusCode: 401, errorCode: 'invalid_token', message }]);
    expect(reply.header('www-authenticate')).toContain('DPoP realm="nowgg", error="invalid_dpop_proof"');
    expect((await present(token, await proofOf(token))).status).toBe(200);
  });

  it('by a key that the token does not name is refused, and learns nothing about a ban', async () => {
    const token = await accessToken();
    expect((await present(token, await proofOf(token))).status).toBe(200);
    const stolen = async () => present(token, await proofOf(token, {}, { jwk: other.jwk }, other.privateKey));
    expect([(await stolen()).status, (await stolen()).json()['errorCode']]).toEqual([401, 'invalid_token']);
    const revocation: NowggRevocationService = game.revocation;
    await revocation.revoke({ userId: 'player-1' }, { until: new Date(game.clock.now() + 60_000) });
    expect((await stolen()).json()['errorCode']).toBe('invalid_token');
    expect((await present(token, await proofOf(token))).json()['errorCode']).toBe('user_banned');
    expect((await game.fetch('/guarded', token)).json()['errorCode']).toBe('invalid_token');
    await revocation.restore({ userId: 'player-1' });
  });

  it('is needed by each request, also when the token is remembered', async () => {
    const token = await accessToken();
    for (let times = 0; times < 3; times += 1) {
      expect((await present(token, await proofOf(token))).status).toBe(200);
      expect((await game.fetch('/guarded', token)).status).toBe(401);
      expect((await game.fetch('/tokens', token)).status).toBe(401);
      const reply = await send([['Authorization', `DPoP ${token}`]]);
      expect([reply.status, reply.json()['message']]).toEqual([401, 'the DPoP proof is not valid: missing']);
      expect(await game.outcome(token)).toBe('invalid: invalid_token');
    }
  });

  it('does not make a bearer token a bound one, nor another binding provable', async () => {
    const bearer = await accessToken({});
    expect((await present(bearer, await proofOf(bearer))).json()).toMatchObject({ errorCode: 'invalid_token' });
    expect((await game.fetch('/guarded', bearer)).status).toBe(200);
    for (const cnf of [
      { 'x5t#S256': own.thumbprint },
      { jkt: own.thumbprint, 'x5t#S256': 'x' },
      { jkt: 7 },
      'jkt',
      null,
    ]) {
      const token = await accessToken({ cnf });
      expect((await present(token, await proofOf(token))).status).toBe(401);
      expect((await game.fetch('/guarded', token)).status).toBe(401);
    }
  });

  it('stands once in a request, beside one credential', async () => {
    const token = await accessToken();
    const authorization = ['Authorization', `DPoP ${token}`] as const;
    const proof = async () => ['DPoP', await proofOf(token)] as const;
    expect((await send([authorization, await proof(), await proof()])).status).toBe(400);
    expect((await send([authorization, ['Authorization', `Bearer ${token}`], await proof()])).status).toBe(400);
    expect((await send([['Authorization', `Bearer ${token}`], authorization, await proof()])).status).toBe(400);
    expect((await send([authorization, await proof()], `/guarded?access_token=${token}`)).status).toBe(400);
    expect((await send([['Authorization', 'DPoP'], await proof()])).status).toBe(401);
    expect((await send([['Authorization', `DPoP ${token} x`], await proof()])).status).toBe(401);
    expect((await send([['Authorization', `Bearer ${token}`], await proof()])).status).toBe(401);
  });

  it('is for the path as it is, whatever a parser makes of it', async () => {
    const token = await accessToken();
    const paths = ['/x/../guarded', '/./guarded', '//guarded', '/%67uarded', '/guarded/'];
    for (const path of paths) {
      const { status } = await present(token, await proofOf(token), path);
      expect([path, status === 200]).toEqual([path, false]);
    }
    expect(
      (await present(token, await proofOf(token, { htu: `${PUBLIC_URL}/guarded?x=1#y` }), '/guarded?z=2')).status,
    ).toBe(200);
    expect((await present(token, await proofOf(token, { htu: 'https://other.example/guarded' }))).status).toBe(200);
  });

  it('tells a caller without a token which schemes there are', async () => {
    const reply = await send([]);
    expect([reply.status, reply.header('www-authenticate')]).toEqual([
      401,
      'Bearer realm="nowgg", DPoP realm="nowgg", algs="ES256 ES384 EdDSA Ed25519"',
    ]);
    expect((await send([], '/optional')).status).toBe(200);
  });
});
