import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { type RunningSample, startSample, startSampleServices } from '../support/sample/sample-app.js';

const KEY = 'key-of-the-collector-0123456789abcdef';
let services: EmbeddedServices;

beforeAll(async () => {
  services = await startSampleServices({ METRICS_KEY: KEY });
}, 60_000);
afterAll(() => services?.close());

describe.each(['express', 'fastify'] as const)('GET /metrics on %s', (platform) => {
  let sample: RunningSample;
  beforeAll(async () => {
    sample = await startSample(services, platform);
  }, 60_000);
  afterAll(() => sample?.close());

  it('is open to the collector with its key, and to no player', async () => {
    const { token } = await sample.signIn();
    for (const other of [undefined, token, KEY.slice(1), `${KEY}x`]) {
      expect((await sample.call('GET', '/metrics', other === undefined ? {} : { token: other })).status).toBe(403);
    }
    const { status, text } = await sample.call('GET', '/metrics', { token: KEY });
    expect(status).toBe(200);
    expect(text).toMatch(/^nowgg_auth_ready 1$/m);
    expect(text).toMatch(/^nowgg_auth_sign_in_duration_seconds_count\{.*outcome="succeeded".*\} [1-9]/m);
  });
});

describe('without METRICS_KEY', () => {
  it('the route does not exist', async () => {
    const sample = await startSample(services, 'express', { metricsKey: undefined });
    expect((await sample.call('GET', '/metrics', { token: (await sample.signIn()).token })).status).toBe(404);
    await sample.close();
  });
});
