import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

/** The schedule of attempts, twenty times as fast. */
const TIMING = {
  refusalPausesMs: [100, 200, 400, 550],
  refusedRetryMs: 3_000,
  refusalsApartMs: 1_250,
  designatedEveryMs: 200,
  designatedApartMs: 500,
  clientNewsMs: 20,
};

describe('evidence about refused refresh tokens', () => {
  let suite: TokenSuite;
  let right: TokenWorker;
  let other: TokenWorker;
  let wrong: TokenWorker;

  beforeAll(async () => {
    suite = await TokenSuite.start();
    const started = await Promise.all([
      suite.workers(2, { timing: TIMING }),
      suite.workers(1, { timing: TIMING, clientSecret: 'a mistyped secret' }),
    ]);
    [right, other, wrong] = started.flat() as [TokenWorker, TokenWorker, TokenWorker];
  }, 90_000);
  afterAll(() => suite.stop(), 30_000);
  beforeEach(async () => {
    suite.startOver('never');
    await suite.dataSource.query('TRUNCATE nowgg_client, nowgg_client_count');
  });

  const state = async (grantId: string) => (await suite.grant(grantId)).state;
  const endAtNowgg = (grantId: string) => {
    const issued = suite.nowgg.requests.filter((call) => call.grantType === 'code').at(-1)?.issued?.refreshToken;
    expect([grantId.length, suite.nowgg.revokeIssued(issued ?? '')]).toEqual([36, true]);
  };

  it('of a process with a wrong secret make no process wait that has the right one, and end nothing', async () => {
    const grantId = await suite.signInLongAgo();
    expect(await wrong.do('getAccessToken', { grantId })).toEqual([{ error: 'grant_in_doubt' }]);
    expect(await state(grantId)).toBe('suspect');
    expect(await right.get('getAccessToken', { grantId })).toMatchObject({ generation: 2 });
    expect(await suite.grant(grantId)).toMatchObject({ state: 'active', refusal: undefined });
    // The store knows that another secret works, so one attempt a second is made with the wrong one.
    const others = await suite.manySignedInLongAgo(20);
    const callsBefore = suite.refreshes;
    await Promise.all(others.map(async (id) => wrong.do('getAccessToken', { grantId: id })));
    expect(suite.refreshes - callsBefore).toBeLessThanOrEqual(3);
    const answers = await Promise.all(others.map(async (id) => right.do('getAccessToken', { grantId: id })));
    expect(answers.flat().filter((answer) => 'error' in answer)).toEqual([]);
  });

  it('tell a player that the grant has ended while others succeed in another process', async () => {
    const grantId = await suite.signInLongAgo();
    endAtNowgg(grantId);
    const busy = await suite.signIn();
    const heard: string[] = [];
    while (heard.at(-1) !== 'reauthentication_required' && heard.length < 200) {
      const [answer] = await right.do('getAccessToken', { grantId });
      heard.push(answer && 'error' in answer ? answer.error : 'a token');
      await other.get('refresh', { grantId: busy });
      await suite.pass(50);
    }
    expect([...new Set(heard)]).toEqual(['grant_in_doubt', 'reauthentication_required']);
    expect(await suite.grant(grantId)).toMatchObject({ state: 'needs_reauth', generation: 1 });
    const presented = suite.nowgg.requests.filter(({ issued, grantType }) => grantType === 'refresh_token' && !issued);
    expect(presented.length).toBeLessThanOrEqual(8);
    expect((await suite.grant(grantId)).refreshCiphertext.length).toBeGreaterThan(0);
  }, 60_000);
});
