import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Fault, NowggEmulator } from '../index.js';
import { startNowggEmulator } from '../start-nowgg-emulator.js';
import { VendorClient } from '../testing-support/vendor-client.js';

describe('faults', () => {
  let emulator: NowggEmulator;
  let client: VendorClient;
  beforeEach(async () => {
    emulator = await startNowggEmulator();
    client = new VendorClient(emulator);
  });
  afterEach(() => emulator.close());

  const errorOf = (answer: Promise<unknown>) =>
    answer.then(
      () => 'answered',
      (error: Error) => (error.cause as { code?: string } | undefined)?.code ?? error.name,
    );

  it.each(['releaseHeld', 'clearFaults'] as const)('%s lets a call go whose latency is not over yet', async (end) => {
    emulator.setFault({ kind: 'latency', ms: 100 });
    emulator.setFault({ kind: 'hold' });
    const held = client.verify('x');
    await emulator.waitForRequests('verify-token');
    emulator[end]();
    expect((await held).status).toBe(200);
  });

  it('a status fault answers with its status, headers and body, and does not carry the request out', async () => {
    const code = emulator.issueCode();
    emulator.setFault({
      kind: 'status',
      status: 503,
      headers: { 'Retry-After': '7' },
      body: '{"oops":true}',
      count: 1,
    });
    const answer = await client.exchange(code);
    expect([answer.status, answer.headers.get('retry-after'), answer.body]).toEqual([503, '7', { oops: true }]);
    expect((await client.exchange(code)).body.success).toBe(true);
  });

  it('a status fault after the fact has used the code up', async () => {
    const code = emulator.issueCode();
    emulator.setFault({ kind: 'status', status: 502, when: 'after', count: 1 });
    expect((await client.exchange(code)).status).toBe(502);
    expect((await client.exchange(code)).body.code).toBe('INVALID_CODE');
  });

  it('sends a redirect that a client need not follow', async () => {
    emulator.setFault({ kind: 'status', status: 307, headers: { location: `${emulator.url}/elsewhere` } });
    expect((await client.verify('x')).status).toBe(307);
    expect(emulator.requestCount('unknown')).toBe(0);
  });

  it('a body fault sends exactly its text with its content type', async () => {
    emulator.setFault({ kind: 'body', body: '<html>', contentType: 'text/html' });
    const response = await fetch(`${emulator.url}/accounts/users/v1/userinfo`);
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/html',
      '<html>',
    ]);
  });

  it('a rate limit answers 429, with Retry-After only when told', async () => {
    emulator.setFault({ kind: 'rate-limit', retryAfter: 30, count: 1 });
    emulator.setFault({ kind: 'rate-limit' });
    const answers = [await client.verify('x'), await client.verify('x')];
    expect(answers.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual([
      [429, '30'],
      [429, null],
    ]);
  });

  it('a reset before leaves the code good, a reset after has used it up', async () => {
    const code = emulator.issueCode();
    emulator.setFault({ kind: 'reset', when: 'before', count: 1 });
    expect(await errorOf(client.exchange(code))).toBe('ECONNRESET');
    emulator.setFault({ kind: 'reset', when: 'after', count: 1 });
    expect(await errorOf(client.exchange(code))).toBe('ECONNRESET');
    expect((await client.exchange(code)).body.code).toBe('INVALID_CODE');
    expect(emulator.requests.map(({ fault, code, status }) => [fault, code, status])).toEqual([
      ['reset', undefined, undefined],
      ['reset', 'REFRESH_TOKEN TOKEN', undefined],
      [undefined, 'INVALID_CODE', 200],
    ]);
  });

  it('a hang never answers and does not keep the emulator from closing', async () => {
    emulator.setFault({ kind: 'hang' });
    const answer = errorOf(client.verify('x'));
    await emulator.waitForRequests('verify-token');
    await emulator.close();
    expect(await answer).not.toBe('answered');
  });

  it('a held call goes on when it is released, and later ones are held again', async () => {
    emulator.setFault({ kind: 'hold', endpoint: 'verify-token' });
    const { token } = emulator.issueTokens();
    const first = client.verify(token);
    await emulator.waitForRequests({ fault: 'hold' });
    emulator.revokeToken(token);
    emulator.releaseHeld();
    expect((await first).body.code).toBe('INVALID_TOKEN');
    const second = client.verify(token);
    await emulator.waitForRequests({ fault: 'hold' }, 2);
    emulator.clearFaults();
    expect((await second).status).toBe(200);
  });

  it('a call held after the fact answers what was true when it arrived', async () => {
    emulator.setFault({ kind: 'hold', when: 'after' });
    const { token } = emulator.issueTokens();
    const answer = client.verify(token);
    await emulator.waitForRequests({ code: 'VERIFICATION_SUCCESS' });
    emulator.revokeToken(token);
    emulator.clearFaults();
    expect((await answer).body.code).toBe('VERIFICATION_SUCCESS');
  });

  it('a latency delays and changes nothing else, also beside another fault', async () => {
    emulator.setFault({ kind: 'latency', ms: 1 });
    expect((await client.verify(emulator.issueTokens().token)).body.code).toBe('VERIFICATION_SUCCESS');
    emulator.setFault({ kind: 'status', status: 500 });
    expect((await client.verify('x')).status).toBe(500);
    expect(emulator.faults).toHaveLength(2);
  });

  it('drips the whole reply byte by byte', async () => {
    emulator.setFault({ kind: 'drip', intervalMs: 0 });
    const { token } = emulator.issueTokens();
    const chunks = await new Promise<Buffer[]>((resolve, reject) => {
      const received: Buffer[] = [];
      const headers = { authorization: `Bearer ${token}` };
      const request = httpRequest(
        `${emulator.url}/accounts/users/v1/userinfo`,
        { agent: false, headers },
        (response) => {
          response.on('data', (chunk: Buffer) => received.push(chunk));
          response.on('end', () => resolve(received));
        },
      );
      request.on('error', reject);
      request.end();
    });
    expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ code: 'USERDATA' });
    expect(chunks.length).toBeGreaterThan(1);
  });

  it('meets only the endpoint and grant type that it names', async () => {
    emulator.setFault({ kind: 'status', status: 500, endpoint: 'token', grantType: 'refresh_token' });
    const { token, refreshToken } = emulator.issueTokens();
    expect((await client.refresh(refreshToken)).status).toBe(500);
    expect((await client.exchange(emulator.issueCode())).status).toBe(200);
    expect((await client.verify(token)).status).toBe(200);
    expect((await client.userInfo(token)).status).toBe(200);
  });

  it('meets only the player that it names, whatever the call presents', async () => {
    emulator.setFault({ kind: 'status', status: 500, userId: 'player-bjorn' });
    const [asha, bjorn] = ['player-asha', 'player-bjorn'].map((userId) => emulator.issueTokens({ userId }));
    const statusesOf = async (tokens: typeof asha, userId: string) => [
      (await client.exchange(emulator.issueCode({ userId }))).status,
      (await client.refresh(tokens?.refreshToken ?? '')).status,
      (await client.verify(tokens?.token ?? '')).status,
      (await client.userInfo(tokens?.token ?? '')).status,
    ];
    expect(await statusesOf(bjorn, 'player-bjorn')).toEqual([500, 500, 500, 500]);
    expect(await statusesOf(asha, 'player-asha')).toEqual([200, 200, 200, 200]);
    expect((await client.verifyIdToken(emulator.issueIdToken({ userId: 'player-bjorn' }))).status).toBe(500);
    expect((await client.verify('never issued')).status).toBe(200);
  });

  it('counts the calls of each player separately', async () => {
    emulator.setFault({ kind: 'status', status: 500, userId: 'player-bjorn', count: 1 });
    emulator.setFault({ kind: 'status', status: 501, count: 1 });
    const verify = async (userId: string) => (await client.verify(emulator.issueTokens({ userId }).token)).status;
    expect([await verify('player-asha'), await verify('player-bjorn'), await verify('player-bjorn')]).toEqual([
      501, 500, 200,
    ]);
  });

  it('meets each n-th of its calls only, and leaves the others alone', async () => {
    emulator.setFault({ kind: 'status', status: 500, endpoint: 'verify-token', every: 3 });
    emulator.setFault({ kind: 'status', status: 501, endpoint: 'verify-token', every: 2, count: 2 });
    const statuses: number[] = [];
    for (let call = 0; call < 8; call += 1) statuses.push((await client.verify('x')).status);
    expect(statuses).toEqual([200, 501, 200, 501, 500, 200, 200, 500]);
  });

  it('a cut reply has been carried out and ends in its middle', async () => {
    const code = emulator.issueCode();
    emulator.setFault({ kind: 'cut', count: 1 });
    expect(await errorOf(client.exchange(code))).not.toBe('answered');
    expect(emulator.requests).toMatchObject([{ fault: 'cut', code: 'REFRESH_TOKEN TOKEN', cutOff: true }]);
    expect((await client.exchange(code)).body.code).toBe('INVALID_CODE');
  });

  it('a hold keeps a call waiting that another fault answers then', async () => {
    emulator.setFault({ kind: 'status', status: 503, count: 1 });
    emulator.setFault({ kind: 'hold' });
    const held = client.verify('x');
    await emulator.waitForRequests('verify-token');
    const hold = { kind: 'hold' } as const;
    expect(emulator.faults).toEqual([hold]);
    emulator.clearFault(hold);
    expect((await held).status).toBe(503);
  });

  it('a latency after the fact carries nothing out that another fault prevents', async () => {
    const code = emulator.issueCode();
    emulator.setFault({ kind: 'latency', ms: 1, when: 'after' });
    emulator.setFault({ kind: 'status', status: 503, count: 1 });
    expect((await client.exchange(code)).status).toBe(503);
    expect((await client.exchange(code)).body.success).toBe(true);
  });

  it('plays counted faults in their order, then the standing one, the last set of which counts', async () => {
    emulator.setFault({ kind: 'status', status: 500 });
    emulator.setFault({ kind: 'status', status: 501 });
    emulator.setFault({ kind: 'status', status: 502, count: 2 });
    emulator.setFault({ kind: 'status', status: 503, count: 1 });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await client.verify('x')).status);
    expect(statuses).toEqual([502, 502, 503, 501, 501]);
    emulator.clearFaults();
    expect((await client.verify('x')).status).toBe(200);
  });

  it.each([
    [{ kind: 'explode' }, /^kind must be one of: latency, /],
    [{ kind: '__proto__' }, /^kind must be one of/],
    [{ kind: 'latency' }, 'ms is missing'],
    [{ kind: 'latency', ms: -1 }, 'ms is not usable for a fault of kind latency'],
    [{ kind: 'status', status: 42 }, 'status is not usable for a fault of kind status'],
    [{ kind: 'hang', endpoint: 'users' }, 'endpoint is not usable for a fault of kind hang'],
    [{ kind: 'hang', every: 0 }, 'every is not usable for a fault of kind hang'],
    [{ kind: 'hang', count: 0 }, 'count is not usable for a fault of kind hang'],
    [{ kind: 'hang', status: 500 }, 'a fault of kind hang has no field "status"'],
  ])('refuses the fault %j', (fault, message) => {
    expect(() => emulator.setFault(fault as Fault)).toThrow(message);
  });
});
