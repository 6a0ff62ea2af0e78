import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { NowggEmulatorOptions } from './options.js';
import { startNowggEmulator } from './start-nowgg-emulator.js';
import { VendorClient } from './testing-support/vendor-client.js';

describe('startNowggEmulator', () => {
  it('names all unusable options at once, and none of their values', async () => {
    const options = {
      host: '192.0.2.1',
      clients: [{ clientId: 'a', clientSecret: '' }],
      codeLifetimeSeconds: Number.NaN,
      refusalStatus: 500,
      colour: 'red',
    };
    await expect(startNowggEmulator(options as unknown as NowggEmulatorOptions)).rejects.toThrow(
      'nowgg-emulator options: host is not loopback and allowRemote is not set; clients must have an id and a secret ' +
        'each; codeLifetimeSeconds must be a positive number; refusalStatus must be 200, 400 or 401; unknown: colour',
    );
  });

  it('takes an undefined option as one that is not given', async () => {
    const options = { issuer: undefined, port: undefined } as unknown as NowggEmulatorOptions;
    await using emulator = await startNowggEmulator(options);
    expect(emulator.url).toBe(`http://127.0.0.1:${emulator.port}`);
  });

  it('listens on all addresses when that is permitted, and names one that works', async () => {
    await using emulator = await startNowggEmulator({ host: '0.0.0.0', allowRemote: true });
    expect(emulator.url).toBe(`http://127.0.0.1:${emulator.port}`);
  });

  it('uses the given players, issuer and lifetimes', async () => {
    await using emulator = await startNowggEmulator({
      players: [{ userId: 'only' }],
      issuer: 'https://staging.example',
      tokenLifetimeSeconds: 7,
    });
    const { body } = await new VendorClient(emulator).verify(emulator.issueTokens().token);
    const claims = body.decodedData as { iss: string; userId: string; iat: number; exp: number };
    expect(claims).toMatchObject({ iss: 'https://staging.example', userId: 'only' });
    expect(claims.exp - claims.iat).toBe(7);
  });

  it('can be closed twice', async () => {
    const emulator = await startNowggEmulator();
    await emulator.close();
    await expect(emulator.close()).resolves.toBeUndefined();
  });

  it('answers on a connection that stays open', async () => {
    await using emulator = await startNowggEmulator();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { token } = emulator.issueTokens();
    const ask = () =>
      new Promise<boolean>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}` };
        const request = httpRequest(`${emulator.url}/accounts/users/v1/userinfo`, { agent, headers }, (response) => {
          response.resume();
          response.on('end', () => setImmediate(resolve, request.reusedSocket));
        });
        request.on('error', reject);
        request.end();
      });
    expect([await ask(), await ask(), await ask()]).toEqual([false, true, true]);
    agent.destroy();
  });

  it('survives callers that hang up in the middle of a request', async () => {
    await using emulator = await startNowggEmulator();
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect(emulator.port, '127.0.0.1', () => {
          const head = 'POST /accounts/oauth2/v1/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
          socket.write(`${head}content-length: 100\r\n\r\n{"grant`, () => socket.resetAndDestroy());
        });
        socket.on('close', () => resolve());
        socket.on('error', () => undefined);
      });
    }
    expect((await new VendorClient(emulator).verify('x')).body.code).toBe('INVALID_TOKEN');
  });

  it('serves many simultaneous callers and counts each', async () => {
    await using emulator = await startNowggEmulator();
    const client = new VendorClient(emulator);
    const { token } = emulator.issueTokens();
    const answers = await Promise.all(Array.from({ length: 200 }, () => client.verify(token)));
    expect(answers.every(({ body }) => body.success === true)).toBe(true);
    expect(emulator.requestCount('verify-token')).toBe(200);
    expect(emulator.requestCount({ tokenType: 'token', status: 200 })).toBe(200);
    expect(emulator.requestCount()).toBe(200);
  });
});
