import { describe, expect, it } from '@jest/globals';
import { issuedIdOf } from './accounts/token-mint.js';
import { RequestLog } from './request-log.js';
import { startNowggEmulator } from './start-nowgg-emulator.js';
import { VendorClient } from './testing-support/vendor-client.js';

describe('RequestLog', () => {
  const capacity = 100;

  it('keeps the last calls and the count of all', () => {
    const log = new RequestLog(capacity);
    const total = 2 * capacity + 1;
    for (let at = 0; at < total; at++) log.add({ endpoint: 'token', at });
    expect(log.count('token')).toBe(total);
    expect(log.list()).toHaveLength(capacity);
    expect(log.list().at(-1)?.at).toBe(total - 1);
  });

  it('hands out copies', () => {
    const log = new RequestLog(capacity);
    const open = log.add({ endpoint: 'token', at: 1 });
    const [copy] = log.list();
    log.update(open, { status: 200 });
    expect(copy).toEqual({ endpoint: 'token', at: 1 });
    expect(log.list()).toEqual([{ endpoint: 'token', at: 1, status: 200 }]);
  });

  it('wakes who waits for an outcome when it is known', async () => {
    const log = new RequestLog(capacity);
    const open = log.add({ endpoint: 'token', at: 1 });
    const answered = log.waitFor({ endpoint: 'token', status: 200 }, 1);
    log.update(open, { status: 200 });
    await expect(answered).resolves.toBeUndefined();
  });
});

describe('the audit of the token endpoint', () => {
  it('tells whose code or refresh token was presented and what was handed out, by ids', async () => {
    await using emulator = await startNowggEmulator({ rotateRefreshTokens: 'grace' });
    const client = new VendorClient(emulator);
    const code = emulator.issueCode({ userId: 'player-bjorn' });
    const first = (await client.exchange(code)).body as Record<'token' | 'refresh_token', string>;
    emulator.setFault({ kind: 'reset', when: 'after', count: 1 });
    await expect(client.refresh(first.refresh_token)).rejects.toThrow('fetch failed');
    await client.refresh(first.refresh_token);
    await client.refresh('never issued');
    const [exchanged, lost, again, unknown] = emulator.requests;
    expect(exchanged).toMatchObject({
      userId: 'player-bjorn',
      presented: issuedIdOf(code),
      issued: { token: issuedIdOf(first.token), refreshToken: issuedIdOf(first.refresh_token) },
    });
    const presented = issuedIdOf(first.refresh_token);
    expect(lost).toMatchObject({ userId: 'player-bjorn', presented, fault: 'reset', issued: expect.anything() });
    expect(emulator.requestCount({ presented })).toBe(2);
    const active = emulator.issued.filter(({ kind, state }) => kind === 'refresh_token' && state === 'active');
    expect(active.map(({ id }) => id)).toContain(again?.issued?.refreshToken);
    expect(Object.keys(unknown ?? {})).not.toContain('presented');
    expect(JSON.stringify(emulator.requests)).not.toContain(first.refresh_token);
  });

  it('knows the owner of every code and token, also after its end', async () => {
    await using emulator = await startNowggEmulator();
    const userId = 'player-bjorn';
    const { token, refreshToken } = emulator.issueTokens({ userId });
    const secrets = [token, refreshToken, emulator.issueCode({ userId }), emulator.issueIdToken({ userId })];
    emulator.revokePlayer(userId);
    expect(secrets.map((secret) => emulator.ownerOf(secret))).toEqual(secrets.map(() => userId));
    expect(emulator.ownerOf(`${token}x`)).toBeUndefined();
  });

  it('names the player of a token that was accepted', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    await client.verify(emulator.issueTokens({ userId: 'player-bjorn' }).token);
    await client.verify(emulator.issueTokens({ userId: 'player-bjorn', lifetimeSeconds: 0 }).token);
    expect(emulator.requests.map(({ userId }) => userId)).toEqual(['player-bjorn', undefined]);
  });

  it('has no refresh token where none was handed out', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    await client.refresh(emulator.issueTokens().refreshToken);
    expect(Object.keys(emulator.requests[0]?.issued ?? {})).toEqual(['token']);
  });

  it('tells backends apart by their User-Agent, and keeps nothing in it that could be a secret', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    const { token } = emulator.issueTokens();
    for (const userAgent of ['shard-1', `shard-2 ${token}`])
      await client.send('/accounts/users/v1/userinfo', { headers: { 'user-agent': userAgent } });
    expect(emulator.requests.map(({ userAgent }) => userAgent)).toEqual(['shard-1', 'shard-2 …']);
    expect(emulator.requestCount({ userAgent: 'shard-1' })).toBe(1);
  });

  it('keeps as many calls as it is told', async () => {
    await using emulator = await startNowggEmulator({ requestLogSize: 2 });
    for (let call = 0; call < 3; call += 1) await new VendorClient(emulator).verify('x');
    expect([emulator.requests.length, emulator.requestCount()]).toEqual([2, 3]);
  });
});
