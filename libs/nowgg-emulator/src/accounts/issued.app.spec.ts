import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from '../nowgg-emulator.js';
import { startNowggEmulator } from '../start-nowgg-emulator.js';
import { VendorClient } from '../testing-support/vendor-client.js';

describe('what was issued', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeEach(async () => {
    emulator = await startNowggEmulator({ rotateRefreshTokens: 'strict' });
    client = new VendorClient(emulator);
  });
  afterEach(() => emulator.close());

  const post = async (path: string, body: unknown) => (await client.post(`/_control/${path}`, body)).body;
  const states = () => emulator.issued.map(({ kind, state }) => `${kind} ${state}`);
  const idOf = (wanted: string) => emulator.issued.find(({ kind }) => kind === wanted)?.id ?? '';

  it('names owner, session and times, and a fingerprint in place of the text', () => {
    emulator.setClock(1_800_000_000_000, { frozen: true });
    const { token, sessionId } = emulator.issueTokens({ userId: 'player-bjorn' });
    const entry = emulator.issued.find(({ kind }) => kind === 'token');
    expect(entry).toEqual({
      id: expect.stringMatching(/^[\w-]{12}$/),
      kind: 'token',
      userId: 'player-bjorn',
      clientId: 'demo-client',
      sessionId,
      issuedAtMs: 1_800_000_000_000,
      expiresAtMs: 1_800_003_600_000,
      state: 'active',
    });
    expect(token).not.toContain(entry?.id);
  });

  it('is revoked one by one', async () => {
    const code = emulator.issueCode();
    const { token, refreshToken } = emulator.issueTokens();
    const idToken = emulator.issueIdToken();
    for (const kind of ['code', 'token', 'refresh_token', 'id_token'])
      expect(await post('revoke', { issuedId: idOf(kind) })).toEqual({ revoked: true });
    expect(states()).toEqual(['code revoked', 'refresh_token revoked', 'token revoked', 'id_token revoked']);
    expect((await client.exchange(code)).body.code).toBe('INVALID_CODE');
    expect((await client.verify(token)).body.code).toBe('INVALID_TOKEN');
    expect((await client.refresh(refreshToken)).body.code).toBe('INVALID_REFRESH_TOKEN');
    expect((await client.verifyIdToken(idToken)).body.code).toBe('INVALID_TOKEN');
    expect(await post('revoke', { issuedId: 'nothing' })).toEqual({ revoked: false });
  });

  it('is used, expires, and ends with its session or its player', async () => {
    await client.exchange(emulator.issueCode());
    const first = emulator.issueTokens();
    await client.refresh(first.refreshToken);
    expect(states().filter((state) => state.endsWith('used'))).toEqual(['code used', 'refresh_token used']);
    emulator.revokeSession(first.sessionId);
    expect(states().slice(-4)).toEqual([
      'refresh_token revoked',
      'token revoked',
      'token revoked',
      'refresh_token revoked',
    ]);
    emulator.issueCode({ userId: 'player-bjorn' });
    emulator.issueIdToken({ userId: 'player-bjorn' });
    emulator.advanceClock(301_000);
    expect(states().slice(-2)).toEqual(['code expired', 'id_token active']);
    emulator.revokePlayer('player-bjorn');
    expect(states().slice(-2)).toEqual(['code revoked', 'id_token revoked']);
    emulator.reset();
    expect(states()).toEqual([]);
  });
});

describe('a ban', () => {
  it('ends what the player has and every new sign-in until it is lifted', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    const code = emulator.issueCode();
    const { token } = emulator.issueTokens();
    expect((await client.post('/_control/ban', { userId: 'player-asha' })).body).toEqual({ done: true });
    expect(emulator.bannedPlayers).toEqual(['player-asha']);
    expect((await client.exchange(code)).body.code).toBe('INVALID_CODE');
    expect((await client.verify(token)).body.code).toBe('INVALID_TOKEN');
    expect((await client.post('/_control/codes', {})).body).toEqual({ error: 'this player is banned' });
    expect(() => emulator.issueIdToken()).toThrow('this player is banned');
    expect((await client.exchange(emulator.issueCode({ userId: 'player-bjorn' }))).body.success).toBe(true);
    await client.post('/_control/ban', { userId: 'player-asha', banned: false });
    expect((await client.exchange(emulator.issueCode())).body.success).toBe(true);
    expect((await client.verify(token)).body.code).toBe('INVALID_TOKEN');
    expect((await client.post('/_control/ban', { userId: 'nobody' })).body).toEqual({ done: false });
    expect((await client.post('/_control/ban', {})).body).toEqual({ error: 'userId is missing' });
  });
});

describe('the life of tokens', () => {
  it('may be changed for those made from then on, until a reset', async () => {
    await using emulator = await startNowggEmulator({ tokenLifetimeSeconds: 600 });
    const client = new VendorClient(emulator);
    const before = emulator.issueTokens();
    expect((await client.post('/_control/token-life', { seconds: 15 })).body).toEqual({ seconds: 15 });
    const { token } = (await client.refresh(before.refreshToken)).body as { token: string };
    emulator.advanceClock(16_000);
    expect((await client.verify(token)).body.code).toBe('EXPIRED_TOKEN');
    expect((await client.verify(before.token)).body.success).toBe(true);
    expect((await client.post('/_control/token-life', { seconds: 0 })).body).toEqual({
      error: 'the lifetime of tokens must be 1 to 1e9 seconds',
    });
    expect((await client.post('/_control/token-life', {})).body).toEqual({ error: 'seconds is missing' });
    emulator.reset();
    expect((await client.send('/_control/token-life', {})).body).toEqual({ seconds: 600 });
  });
});

describe('a fault', () => {
  it('is ended alone, and a hold lets its calls go', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    emulator.setFault({ kind: 'latency', ms: 0 });
    emulator.setFault({ kind: 'hold', endpoint: 'verify-token' });
    const held = client.verify('x');
    await emulator.waitForRequests('verify-token');
    const remove = async (fault: unknown) => (await client.post('/_control/faults/remove', fault)).body;
    expect(await remove({ endpoint: 'verify-token', kind: 'hold' })).toEqual({ removed: true });
    expect((await held).status).toBe(200);
    expect(emulator.faults).toEqual([{ kind: 'latency', ms: 0 }]);
    expect(await remove({ kind: 'hang' })).toEqual({ removed: false });
    expect(await remove({ kind: 'latency' })).toEqual({ error: 'ms is missing' });
  });
});

describe('the record of a call', () => {
  it('has method, path and duration, and says when no reply came of it', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    await client.verify('x');
    emulator.setFault({ kind: 'reset' });
    await expect(client.verify('x')).rejects.toThrow('fetch failed');
    await emulator.waitForRequests({ fault: 'reset', cutOff: true });
    const duration = expect.any(Number) as unknown as number;
    const path = '/accounts/oauth2/v1/verify-token';
    expect(emulator.requests).toMatchObject([
      { method: 'POST', path, status: 200, durationMs: duration },
      { method: 'POST', path, cutOff: true, durationMs: duration },
    ]);
    expect(emulator.requests[1]?.status).toBeUndefined();
  });
});
