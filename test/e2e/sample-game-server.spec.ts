import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { type RunningSample, startSample, startSampleServices } from '../support/sample/sample-app.js';

const KEY = 'key-of-the-game-servers-0123456789abcdef';
let services: EmbeddedServices;

beforeAll(async () => {
  services = await startSampleServices({ GAME_SERVER_API_KEY: KEY });
}, 60_000);
afterAll(() => services?.close());

describe.each(['express', 'fastify'] as const)('GET /standings/:board on %s', (platform) => {
  let sample: RunningSample;
  // One application after the other: the names of Passport's strategies belong to the process.
  beforeAll(async () => {
    sample = await startSample(services, platform);
  }, 60_000);
  afterAll(() => sample?.close());

  const standings = (headers: Record<string, string>) => fetch(`${sample.url}/standings/level-9`, { headers });

  it('is open to a game server with the key, and refuses any other key', async () => {
    expect((await standings({ 'x-api-key': KEY })).status).toBe(200);
    for (const key of ['', 'x', KEY.slice(1), `${KEY}x`, KEY.toUpperCase()]) {
      expect((await standings({ 'x-api-key': key })).status).toBe(401);
    }
    expect((await standings({})).status).toBe(401);
  });

  it('is open to a player, who finds their own score marked; a game server finds none marked', async () => {
    const { token } = await sample.signIn();
    await sample.call('POST', '/scores', { token, body: { board: 'level-9', points: 7 } });
    const marks = async (headers: Record<string, string>) => {
      const ranks = (await (await standings(headers)).json()) as { mine: boolean }[];
      return ranks.filter(({ mine }) => mine).length;
    };
    expect(await marks({ authorization: `Bearer ${token}` })).toBe(1);
    expect(await marks({ 'x-api-key': KEY })).toBe(0);
  });

  it('takes the key beside a token that is refused, and answers 503 for a token that cannot be verified', async () => {
    const authorization = `Bearer ${sample.emulator.issueTokens().token}`;
    sample.emulator.setFault({ kind: 'status', status: 503, endpoint: 'verify-token' });
    expect((await standings({ authorization })).status).toBe(503);
    expect((await standings({ 'x-api-key': KEY })).status).toBe(200);
    sample.emulator.clearFaults();
    const { token } = sample.emulator.issueTokens();
    const refused = { authorization: `Bearer ${token.slice(0, -3)}AAA` };
    expect((await standings(refused)).status).toBe(401);
    expect((await standings({ ...refused, 'x-api-key': KEY })).status).toBe(200);
  });
});

describe('without GAME_SERVER_API_KEY', () => {
  it('the route does not exist', async () => {
    const sample = await startSample(services, 'express', { gameServerKey: undefined });
    const { token } = await sample.signIn();
    expect((await sample.call('GET', '/standings/level-9', { token })).status).toBe(404);
    await sample.close();
  });
});
