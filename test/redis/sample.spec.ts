import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { startSample, startSampleServices } from '../support/sample/sample-app.js';
import { RedisServer } from '../support/servers/redis-server.js';

let redis: RedisServer;
let services: EmbeddedServices;

beforeAll(async () => {
  redis = await RedisServer.start();
  services = await startSampleServices({ REDIS_URL: redis.url });
}, 60_000);
afterAll(async () => {
  await services?.close();
  await redis?.[Symbol.asyncDispose]();
});

describe('instances of the sample with a REDIS_URL', () => {
  it('ask now.gg once about a token that all of them meet', async () => {
    const samples = [await startSample(services, 'express'), await startSample(services, 'fastify')];
    const emulator = services.emulator?.emulator;
    if (!emulator) throw new Error('there is no emulator');
    const { token } = emulator.issueTokens();
    const statuses: number[] = [];
    // The first requests may find a connection to Redis that is still being opened.
    const warmUp = emulator.issueTokens().token;
    for (const sample of samples) await sample.call('GET', '/me', { token: warmUp });
    const before = emulator.requestCount({ endpoint: 'verify-token' });
    for (const sample of samples) statuses.push((await sample.call('GET', '/scores/board', { token })).status);
    expect(statuses).toEqual([200, 200]);
    expect(emulator.requestCount({ endpoint: 'verify-token' }) - before).toBe(1);
    for (const sample of samples) await sample.close();
  });
});
