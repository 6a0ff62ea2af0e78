import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from './nowgg-emulator.js';
import { startNowggEmulator } from './start-nowgg-emulator.js';
import { credentials, VendorClient } from './testing-support/vendor-client.js';

const verifyPath = '/accounts/oauth2/v1/verify-token';
const tokenPath = '/accounts/oauth2/v1/token';
const userPath = '/accounts/users/v1/userinfo';

describe('a client that does not keep to the documented requests', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeAll(async () => {
    emulator = await startNowggEmulator();
    client = new VendorClient(emulator);
  });
  afterAll(() => emulator.close());

  it.each([
    ['PUT', verifyPath, 'POST'],
    ['GET', tokenPath, 'POST'],
    ['HEAD', userPath, 'GET'],
    ['POST', '/accounts/users/v1/sessioninfo', 'GET'],
  ])('is told that %s %s is not allowed', async (method, path, allowed) => {
    const { status, headers } = await client.send(path, { method });
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe(allowed);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=latin1'])(
    'is refused with 415 when it posts %s',
    async (type) => {
      const answer = await client.post(verifyPath, {}, { 'content-type': type });
      expect(answer).toMatchObject({ status: 415, body: { success: false, code: 'INVALID_REQUEST' } });
    },
  );

  it('is refused with 413 past 64 KiB, on a connection that stays usable', async () => {
    expect((await client.verify('x'.repeat(70_000))).status).toBe(413);
    expect((await client.verify('x'.repeat(60_000))).body.code).toBe('INVALID_TOKEN');
  });

  it.each([
    ['cut JSON', '{"token_type":'],
    ['an array', '[]'],
    ['null', 'null'],
    ['nothing', ''],
  ])('is refused with 400 when the body is %s', async (_case, body) => {
    const answer = await client.post(tokenPath, body);
    expect(answer).toMatchObject({ status: 400, body: { success: false, code: 'INVALID_REQUEST' } });
  });

  it.each([
    [{ token_type: undefined }, 'token_type is missing'],
    [{ token_type: 'access_token' }, 'token_type must be token or id_token'],
    [{ client_secret: undefined }, 'client_secret is missing'],
    [{ client_id: 7 }, 'client_id must be a string'],
    [{ token: '' }, 'token must not be empty'],
    [{ scope: 'email' }, 'unknown field "scope"'],
  ])('is told what is wrong with a verify-token body of %j', async (overrides, msg) => {
    const answer = await client.verify('secret-looking-value', overrides);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ success: false, code: 'INVALID_REQUEST', msg });
  });

  it.each([
    [{ grant_type: undefined }, 'grant_type is missing'],
    [{ grant_type: 'password' }, 'grant_type must be code or refresh_token'],
    [{ grant_type: 'authorization_code' }, 'grant_type must be code: now.gg does not know authorization_code'],
    [{ token_type: 'id_token' }, 'token_type must be token, refresh_token or both for grant_type code'],
    [{ token_type: 'token,refresh_token' }, 'token_type must be token, refresh_token or both for grant_type code'],
    [{ token_type: 'token token' }, 'token_type must be token, refresh_token or both for grant_type code'],
    [{ code: ['a'] }, 'code must be a string'],
    [
      { redirect_uri: 'https://game.example' },
      'redirect_uri is not a field of the now.gg token endpoint: leave it out',
    ],
    [{ refresh_token: 'r' }, 'unknown field "refresh_token"'],
  ])('is told what is wrong with a code exchange of %j, and keeps its code', async (overrides, msg) => {
    const code = emulator.issueCode();
    const answer = await client.exchange(code, overrides);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ success: false, code: 'INVALID_REQUEST', msg });
    expect((await client.exchange(code)).body.success).toBe(true);
  });

  it('is refused when it asks for a refresh token in a refresh', async () => {
    const answer = await client.refresh('r', { token_type: 'refresh_token token' });
    expect(answer.body.msg).toBe('token_type must be token for grant_type refresh_token');
  });

  it('is refused when it authenticates in a header', async () => {
    const answer = await client.post(tokenPath, {}, { authorization: 'Basic eDp5' });
    expect(answer.status).toBe(400);
    expect(answer.body.msg).toMatch(/client_id and client_secret belong in the body/);
  });

  it.each([undefined, 'Bearer', 'Token abc', 'bearer abc', 'Bearer  abc', 'Bearer a b'])(
    'is refused with 400 when its Authorization is %s',
    async (authorization) => {
      const answer = await client.send(userPath, authorization === undefined ? {} : { headers: { authorization } });
      expect(answer).toMatchObject({ status: 400, body: { success: false, code: 'INVALID_REQUEST' } });
    },
  );

  it('is refused with 400 when it sends two Authorization lines', async () => {
    const { token } = emulator.issueTokens();
    const status = await new Promise((resolve, reject) => {
      const headers = ['authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`];
      const request = httpRequest(emulator.url + userPath, {
        agent: false,
        headers: ['host', 'localhost', ...headers],
      });
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.end();
    });
    expect(status).toBe(400);
  });

  it('is refused with 400 when it adds a query', async () => {
    const { token } = emulator.issueTokens();
    const answer = await client.send(`${userPath}?fields=all`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(400);
  });

  it.each(['/accounts/oauth2/v2/token', '/accounts/users/v1/userinfo/', '//accounts/users/v1/userinfo', '/'])(
    'finds nothing at %s',
    async (path) => {
      expect((await client.post(path, credentials)).status).toBe(404);
    },
  );
});

describe('an emulator that is not strict', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeAll(async () => {
    emulator = await startNowggEmulator({ strict: false });
    client = new VendorClient(emulator);
  });
  afterAll(() => emulator.close());

  it('ignores unknown fields', async () => {
    expect((await client.exchange(emulator.issueCode(), { redirect_uri: 'x', scope: 7 })).body.success).toBe(true);
    expect((await client.verify(emulator.issueTokens().token, { extra: {} })).body.success).toBe(true);
  });

  it('still refuses a field that is missing, empty or of the wrong type', async () => {
    for (const code of [undefined, '', 7, ['a']]) expect((await client.exchange(code as string)).status).toBe(400);
  });

  it('ignores a query and a Basic header, and takes the Bearer scheme in any case', async () => {
    const { token } = emulator.issueTokens();
    const answer = await client.send(`${userPath}?a=1`, { headers: { authorization: `bearer ${token}` } });
    expect(answer.body.code).toBe('USERDATA');
    const code = emulator.issueCode();
    const fields = { ...credentials, grant_type: 'code', code, token_type: 'refresh_token token' };
    expect((await client.post(tokenPath, fields, { authorization: 'Basic eDp5' })).body.success).toBe(true);
  });
});
