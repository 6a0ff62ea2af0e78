import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { request as httpRequest } from 'node:http';
import type { NowggEmulator } from '../nowgg-emulator.js';
import { startNowggEmulator } from '../start-nowgg-emulator.js';
import { VendorClient } from '../testing-support/vendor-client.js';

describe('the control interface', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeEach(async () => {
    emulator = await startNowggEmulator();
    client = new VendorClient(emulator);
  });
  afterEach(() => emulator.close());

  const get = async (path: string) => (await client.send(`/_control/${path}`, {})).body;
  const post = async (path: string, body: unknown = {}) => (await client.post(`/_control/${path}`, body)).body;

  it('is healthy', async () => {
    expect(await get('health')).toEqual({ status: 'ok' });
  });

  it('lists and adds players', async () => {
    const added = await post('players', { userId: 'dana', countryCode: 'DE' });
    expect(added).toMatchObject({ userId: 'dana', countryCode: 'DE', name: expect.any(String) });
    const { players } = (await get('players')) as { players: unknown[] };
    expect(players).toHaveLength(4);
    expect(players.at(-1)).toEqual(added);
  });

  it('issues codes, tokens and id_tokens that the endpoints accept', async () => {
    const { code } = (await post('codes', { userId: 'player-bjorn', scope: 'profile' })) as { code: string };
    const { token } = (await client.exchange(code)).body as { token: string };
    expect((await client.verify(token)).body.decodedData).toMatchObject({ userId: 'player-bjorn', scope: 'profile' });
    const issued = (await post('tokens', { lifetimeSeconds: 5 })) as { token: string; refreshToken: string };
    expect((await client.verify(issued.token)).body.success).toBe(true);
    expect((await client.refresh(issued.refreshToken)).body.success).toBe(true);
    const { id_token } = (await post('id-tokens', { authTime: 1 })) as { id_token: string };
    expect((await client.verifyIdToken(id_token)).body.decodedData).toMatchObject({ auth_time: 1 });
  });

  it('issues a code of a given text, anew if it was used', async () => {
    for (const userId of ['player-asha', 'player-bjorn']) {
      expect(await post('codes', { userId, code: 'code-1' })).toEqual({ code: 'code-1' });
      const { token } = (await client.exchange('code-1')).body as { token: string };
      expect((await client.verify(token)).body.decodedData).toMatchObject({ userId });
    }
  });

  it('shows and sets the rotation of refresh tokens', async () => {
    expect(await post('rotation', { rotation: 'strict' })).toEqual({ rotation: 'strict' });
    expect(await get('rotation')).toEqual({ rotation: 'strict' });
  });

  it('replaces a secret of a client: the old one is refused from then on, until a reset', async () => {
    const { token } = emulator.issueTokens();
    const code = async () => (await client.verify(token)).body.code;
    expect(await code()).toBe('VERIFICATION_SUCCESS');
    expect(await post('client-secret', { clientId: 'demo-client', clientSecret: 'new' })).toEqual({ done: true });
    expect(await code()).toBe('INVALID_TOKEN');
    expect(await post('client-secret', { clientId: 'unknown', clientSecret: 'new' })).toEqual({ done: false });
    emulator.reset();
    expect((await client.verify(emulator.issueTokens().token)).body.code).toBe('VERIFICATION_SUCCESS');
  });

  it('issues a code to a bare POST without a body', async () => {
    const { body } = await client.send('/_control/codes', { method: 'POST' });
    expect((await client.exchange(body.code as string)).body.success).toBe(true);
  });

  it('revokes by token, refresh token, session and player', async () => {
    const { token, refreshToken, sessionId } = emulator.issueTokens();
    expect(await post('revoke', { token })).toEqual({ revoked: true });
    expect((await client.verify(token)).body.code).toBe('INVALID_TOKEN');
    expect(await post('revoke', { refreshToken })).toEqual({ revoked: true });
    expect(await post('revoke', { sessionId })).toEqual({ revoked: true });
    expect(await post('revoke', { userId: 'player-asha' })).toEqual({ revoked: true });
    expect(await post('revoke', { userId: 'nobody' })).toEqual({ revoked: false });
    expect(await post('revoke', { userId: 'x', token: 'y' })).toEqual({
      error: 'name exactly one of token, refreshToken, sessionId, userId, issuedId',
    });
  });

  it('moves, sets and freezes the clock', async () => {
    expect(await post('clock', { epochMs: 1_800_000_000_000, frozen: true })).toEqual({ now: 1_800_000_000_000 });
    expect(await post('clock', { advanceMs: 5 })).toEqual({ now: 1_800_000_000_005 });
    expect(await get('clock')).toEqual({ now: 1_800_000_000_005 });
  });

  it('sets and clears faults, which never meet the control interface itself', async () => {
    const fault = { kind: 'status', status: 500, endpoint: '*' };
    expect(await post('faults', fault)).toEqual({ faults: [fault] });
    expect((await client.verify('x')).status).toBe(500);
    expect(await get('faults')).toEqual({ faults: [fault] });
    expect((await client.send('/_control/faults', { method: 'DELETE' })).body).toEqual({ done: true });
    expect((await client.verify('x')).status).toBe(200);
  });

  it('releases held calls', async () => {
    await post('faults', { kind: 'hold' });
    const answer = client.verify('x');
    await emulator.waitForRequests('verify-token');
    expect(await post('faults/release')).toEqual({ done: true });
    expect((await answer).status).toBe(200);
  });

  it('shows the calls without any secret, and resets', async () => {
    const { token, refreshToken } = emulator.issueTokens();
    await client.verify(token, { token_type: token });
    await client.refresh(refreshToken, { grant_type: refreshToken });
    await client.userInfo(token);
    const shown = await get('requests');
    expect(shown).toMatchObject({
      count: 3,
      requests: [
        { endpoint: 'verify-token', tokenType: 'other', status: 400, code: 'INVALID_REQUEST' },
        { endpoint: 'token', tokenType: 'token', grantType: 'other', status: 400 },
        { endpoint: 'userinfo', status: 200, code: 'USERDATA' },
      ],
    });
    expect(JSON.stringify(shown)).not.toContain(token);
    expect(JSON.stringify(shown)).not.toContain(refreshToken);
    expect(await post('reset')).toEqual({ done: true });
    expect(await get('requests')).toEqual({ count: 0, requests: [] });
  });

  it.each([
    ['codes', { user: 'x' }, 'unknown field "user"'],
    ['codes', { userId: 7 }, 'userId must be a string'],
    ['codes', { userId: 'nobody' }, 'there is no such player'],
    ['tokens', '{"lifetimeSeconds":1e999}', 'lifetimeSeconds must be a number'],
    ['players', { userId: '' }, 'userId does not have the form that players have'],
    ['players', { deviceData: { os: {} } }, 'deviceData does not have the form that players have'],
    ['players', '{"__proto__":{}}', 'unknown field "__proto__"'],
    ['players', { userId: 'player-asha' }, 'a player with this userId exists already'],
    ['faults', { kind: 'latency' }, 'ms is missing'],
    ['codes', { code: '' }, 'code must not be empty'],
    ['rotation', { rotation: 'twice' }, 'there is no such rotation of refresh tokens'],
    ['client-secret', { clientId: 'demo-client' }, 'clientSecret must not be empty'],
    ['clock', { epochMs: 1e300 }, 'the clock cannot be set to this time'],
  ])('says what is wrong with a request to %s: %j', async (path, body, error) => {
    const answer = await client.post(`/_control/${path}`, body);
    expect([answer.status, answer.body]).toEqual([400, { error }]);
  });

  it('takes JSON only', async () => {
    const answer = await client.post('/_control/codes', '{}', { 'content-type': 'text/plain' });
    expect(answer.status).toBe(415);
  });

  it('has nothing at other paths and methods', async () => {
    expect((await client.send('/_control/nothing', {})).status).toBe(404);
    expect((await client.send('/_control/codes', {})).status).toBe(404);
  });

  const statusWith = (headers: Record<string, string>) =>
    new Promise((resolve, reject) => {
      const options = { method: 'POST', agent: false, headers };
      const request = httpRequest(`${emulator.url}/_control/codes`, options, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
      request.end();
    });

  it('refuses pages of other origins and names that were rebound to this machine', async () => {
    expect(await statusWith({ origin: 'https://evil.example' })).toBe(403);
    expect(await statusWith({ origin: 'null' })).toBe(403);
    expect(await statusWith({ origin: 'http://127.0.0.1:1' })).toBe(403);
    expect(await statusWith({ host: 'evil.example' })).toBe(403);
    expect(await statusWith({ host: '127.0.0.1.evil.example' })).toBe(403);
  });

  it('serves its own pages and every name of this machine', async () => {
    expect(await statusWith({ origin: emulator.url })).toBe(200);
    expect(await statusWith({ host: `localhost:${emulator.port}` })).toBe(200);
    expect(await statusWith({ host: `[::1]:${emulator.port}` })).toBe(200);
  });
});
