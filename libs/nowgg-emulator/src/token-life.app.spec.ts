import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NowggEmulator } from './nowgg-emulator.js';
import { startNowggEmulator } from './start-nowgg-emulator.js';
import { VendorClient } from './testing-support/vendor-client.js';

describe('codes, tokens and time', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeEach(async () => {
    emulator = await startNowggEmulator({ tokenLifetimeSeconds: 100, codeLifetimeSeconds: 60 });
    emulator.setClock(1_800_000_000_000, { frozen: true });
    client = new VendorClient(emulator);
  });
  afterEach(() => emulator.close());

  const codeOf = async (answer: ReturnType<VendorClient['verify']>) => (await answer).body.code;

  it('a code works once', async () => {
    const code = emulator.issueCode();
    expect(await codeOf(client.exchange(code))).toBe('REFRESH_TOKEN TOKEN');
    expect(await codeOf(client.exchange(code))).toBe('INVALID_CODE');
  });

  it('of fifty simultaneous exchanges of a code one succeeds', async () => {
    const code = emulator.issueCode();
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.exchange(code)));
    expect(answers.filter(({ body }) => body.success === true)).toHaveLength(1);
  });

  it('a code expires', async () => {
    const code = emulator.issueCode();
    emulator.advanceClock(60_000);
    expect(await codeOf(client.exchange(code))).toBe('INVALID_CODE');
  });

  it('a wrong secret does not use the code up', async () => {
    const code = emulator.issueCode();
    expect(await codeOf(client.exchange(code, { client_secret: 'wrong' }))).toBe('INVALID_CLIENT');
    expect(await codeOf(client.exchange(code))).toBe('REFRESH_TOKEN TOKEN');
  });

  it('a token expires in the second that its exp names, and time can be turned back', async () => {
    const { token } = emulator.issueTokens();
    emulator.advanceClock(99_999);
    expect(await codeOf(client.verify(token))).toBe('VERIFICATION_SUCCESS');
    emulator.advanceClock(1);
    expect(await codeOf(client.verify(token))).toBe('EXPIRED_TOKEN');
    expect(await codeOf(client.userInfo(token))).toBe('EXPIRED_TOKEN');
    emulator.advanceClock(-1);
    expect(await codeOf(client.verify(token))).toBe('VERIFICATION_SUCCESS');
  });

  it('a refresh gives another token of the same session, and the old token lives on', async () => {
    const first = emulator.issueTokens({ scope: 'profile' });
    emulator.advanceClock(50_000);
    const { body } = await client.refresh(first.refreshToken);
    const verified = await client.verify(body.token as string);
    expect(verified.body.decodedData).toMatchObject({
      sessionId: first.sessionId,
      userId: first.userId,
      scope: 'profile',
      iat: 1_800_000_050,
      exp: 1_800_000_150,
    });
    expect((verified.body.decodedData as { tokenId: string }).tokenId).not.toBe(first.tokenId);
    expect(await codeOf(client.verify(first.token))).toBe('VERIFICATION_SUCCESS');
  });

  it('the same refresh token works again and again without rotation', async () => {
    const { refreshToken } = emulator.issueTokens();
    for (let i = 0; i < 10; i++) expect((await client.refresh(refreshToken)).body.success).toBe(true);
  });

  it('a refresh token expires', async () => {
    const { refreshToken, refreshTokenExpiresAtMs } = emulator.issueTokens();
    emulator.setClock(refreshTokenExpiresAtMs, { frozen: true });
    expect(await codeOf(client.refresh(refreshToken))).toBe('INVALID_REFRESH_TOKEN');
  });

  it('revokes one token and leaves its siblings', async () => {
    const { token, refreshToken } = emulator.issueTokens();
    const sibling = (await client.refresh(refreshToken)).body.token as string;
    expect(emulator.revokeToken(token)).toBe(true);
    expect(await codeOf(client.verify(token))).toBe('INVALID_TOKEN');
    expect(await codeOf(client.userInfo(token))).toBe('INVALID_TOKEN');
    expect(await codeOf(client.verify(sibling))).toBe('VERIFICATION_SUCCESS');
    expect(emulator.revokeToken('invalid_response')).toBe(false);
  });

  it('revokes an id_token', async () => {
    const idToken = emulator.issueIdToken();
    emulator.revokeToken(idToken);
    expect(await codeOf(client.verifyIdToken(idToken))).toBe('INVALID_TOKEN');
  });

  it('revokes a refresh token and leaves the token', async () => {
    const { token, refreshToken } = emulator.issueTokens();
    expect(emulator.revokeRefreshToken(refreshToken)).toBe(true);
    expect(await codeOf(client.refresh(refreshToken))).toBe('INVALID_REFRESH_TOKEN');
    expect(await codeOf(client.verify(token))).toBe('VERIFICATION_SUCCESS');
    expect(emulator.revokeRefreshToken('invalid_response')).toBe(false);
  });

  it('revokes a session with all that belongs to it', async () => {
    const { token, refreshToken, sessionId } = emulator.issueTokens();
    const other = emulator.issueTokens();
    expect(emulator.revokeSession(sessionId)).toBe(true);
    expect(await codeOf(client.verify(token))).toBe('INVALID_TOKEN');
    expect(await codeOf(client.refresh(refreshToken))).toBe('INVALID_REFRESH_TOKEN');
    expect(await codeOf(client.verify(other.token))).toBe('VERIFICATION_SUCCESS');
    expect(emulator.revokeSession('invalid_response')).toBe(false);
  });

  it('revokes all that a player has, and lets them sign in again within the same second', async () => {
    const before = emulator.issueTokens();
    const idToken = emulator.issueIdToken();
    const code = emulator.issueCode();
    const someoneElse = emulator.issueTokens({ userId: 'player-bjorn' });
    expect(emulator.revokePlayer('player-asha')).toBe(true);
    expect(await codeOf(client.verify(before.token))).toBe('INVALID_TOKEN');
    expect(await codeOf(client.verifyIdToken(idToken))).toBe('INVALID_TOKEN');
    expect(await codeOf(client.refresh(before.refreshToken))).toBe('INVALID_REFRESH_TOKEN');
    expect(await codeOf(client.exchange(code))).toBe('INVALID_CODE');
    expect(await codeOf(client.verify(someoneElse.token))).toBe('VERIFICATION_SUCCESS');
    expect(await codeOf(client.exchange(emulator.issueCode()))).toBe('REFRESH_TOKEN TOKEN');
    expect(await codeOf(client.verifyIdToken(emulator.issueIdToken()))).toBe('VERIFICATION_SUCCESS');
    expect(emulator.revokePlayer('nobody')).toBe(false);
  });

  it('a reset forgets everything but the seeded players', async () => {
    const { token, refreshToken } = emulator.issueTokens();
    const code = emulator.issueCode();
    emulator.addPlayer({ userId: 'late' });
    emulator.setFault({ kind: 'status', status: 500 });
    await client.verify(token);
    emulator.reset();
    expect(emulator.players.map(({ userId }) => userId)).toEqual(['player-asha', 'player-bjorn', 'player-chloe']);
    expect(emulator.requestCount()).toBe(0);
    expect(await codeOf(client.verify(token))).toBe('INVALID_TOKEN');
    expect(await codeOf(client.refresh(refreshToken))).toBe('INVALID_REFRESH_TOKEN');
    expect(await codeOf(client.exchange(code))).toBe('INVALID_CODE');
  });

  it('names the player or client that it does not know, not what was asked for', () => {
    expect(() => emulator.issueCode({ userId: 'nobody' })).toThrow('there is no such player');
    expect(() => emulator.issueTokens({ clientId: 'nobody' })).toThrow('there is no such client');
    expect(() => emulator.addPlayer({ userId: 'player-asha' })).toThrow('a player with this userId exists already');
    expect(() => emulator.setClock(Number.NaN)).toThrow('the clock cannot be set to this time');
  });
});

describe('rotating refresh tokens', () => {
  it('grace: the old one works until its grace is over, then its use ends the session', async () => {
    await using emulator = await startNowggEmulator({ rotateRefreshTokens: 'grace', rotationGraceSeconds: 10 });
    emulator.setClock(1_800_000_000_000, { frozen: true });
    const client = new VendorClient(emulator);
    const { refreshToken } = emulator.issueTokens();
    const next = (await client.refresh(refreshToken)).body.refresh_token as string;
    emulator.advanceClock(10_000);
    const replay = await client.refresh(refreshToken);
    expect(replay.body).toMatchObject({ success: true, refresh_token: expect.any(String) });
    expect((await client.refresh(next)).body.success).toBe(true);
    emulator.advanceClock(1);
    expect((await client.refresh(refreshToken)).body.code).toBe('INVALID_REFRESH_TOKEN');
    expect((await client.refresh(replay.body.refresh_token as string)).body.code).toBe('INVALID_REFRESH_TOKEN');
  });

  it('once: the old one is refused at once, and the new one goes on working', async () => {
    await using emulator = await startNowggEmulator({ rotateRefreshTokens: 'once' });
    const client = new VendorClient(emulator);
    const { refreshToken } = emulator.issueTokens();
    const next = (await client.refresh(refreshToken)).body.refresh_token as string;
    expect((await client.refresh(refreshToken)).body.code).toBe('INVALID_REFRESH_TOKEN');
    expect((await client.refresh(next)).body.success).toBe(true);
    expect(emulator.issued.filter(({ state }) => state === 'used')).toHaveLength(2);
  });

  it('can change while the emulator runs, and is as at the start after a reset', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    const { refreshToken } = emulator.issueTokens();
    emulator.setRefreshTokenRotation('once');
    expect((await client.refresh(refreshToken)).body).toHaveProperty('refresh_token');
    expect((await client.refresh(refreshToken)).body.success).toBe(false);
    emulator.reset();
    expect(emulator.refreshTokenRotation).toBe('never');
    expect(() => emulator.setRefreshTokenRotation('twice' as 'once')).toThrow('no such rotation');
  });

  it('strict: the old one is refused at once and its use ends the session', async () => {
    await using emulator = await startNowggEmulator({ rotateRefreshTokens: 'strict' });
    const client = new VendorClient(emulator);
    const { refreshToken, token } = emulator.issueTokens();
    const first = await client.refresh(refreshToken);
    expect(first.body).toMatchObject({ refresh_token: expect.any(String), refresh_token_expiry: expect.any(String) });
    const second = await client.refresh(first.body.refresh_token as string);
    expect(second.body.success).toBe(true);
    expect((await client.refresh(refreshToken)).body.code).toBe('INVALID_REFRESH_TOKEN');
    expect((await client.refresh(second.body.refresh_token as string)).body.code).toBe('INVALID_REFRESH_TOKEN');
    expect((await client.verify(token)).body.code).toBe('INVALID_TOKEN');
  });
});
