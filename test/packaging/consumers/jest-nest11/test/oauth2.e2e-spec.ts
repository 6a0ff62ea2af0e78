import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { appModule } from '../src/app.module';

// An identity system of two documents. jose and openid-client are not installed here.
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
let system: Server;
let issuer: string;
let app: INestApplication;

beforeAll(async () => {
  system = createServer((request, response) => {
    const discovery = { issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` };
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/jwks' ? jwks : discovery));
  });
  system.listen(0, '127.0.0.1');
  await once(system, 'listening');
  issuer = `http://127.0.0.1:${(system.address() as AddressInfo).port}`;
  const web = oauth2({
    name: 'web',
    issuer,
    clientId: 'game',
    clientSecret: 'a-secret-of-this-test',
    allowInsecure: true,
    verification: jwt({ audience: 'api' }),
  });
  const module = Test.createTestingModule({ imports: [appModule({ identityProviders: [web] })] });
  app = (await module.compile()).createNestApplication();
  await app.listen(0, '127.0.0.1');
});
afterAll(async () => {
  await app.close();
  system.close();
});

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function accessToken(audience: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: audience, sub: 'player-2', client_id: 'game', iat: now, exp: now + 60, jti: '1' };
  const signed = `${base64url({ alg: 'RS256', typ: 'at+jwt', kid: 'k1' })}.${base64url(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

it('verifies signatures with the jose that it brings', async () => {
  const answer = async (token: string) =>
    await fetch(`${await app.getUrl()}/me`, { headers: { authorization: `Bearer ${token}` } });
  const known = await answer(accessToken('api'));
  expect([known.status, await known.text()]).toEqual([200, '{"userId":"player-2"}']);
  expect((await answer(accessToken('another-api'))).status).toBe(401);
  expect((await answer(`${accessToken('api').slice(0, -6)}AAAAAA`)).status).toBe(401);
});
