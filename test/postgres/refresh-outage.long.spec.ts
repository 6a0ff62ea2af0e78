import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Fault } from 'nowgg-emulator';
import { IdentityUnavailableError } from '../../libs/nowgg-auth/src/errors.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { inLanes, refusal, TokenSuite } from '../support/token-service/token-suite.js';

const MINUTE_MS = 60_000;
const GRANTS = 1_000;
/** What the identity system does, minute by minute. */
const OUTAGE: readonly Fault[] = [
  { kind: 'status', status: 502 },
  { kind: 'status', status: 502 },
  { kind: 'reset' },
  { kind: 'reset', when: 'after' },
  { kind: 'body', body: '<html>', when: 'after' },
  { kind: 'cut' },
  { kind: 'rate-limit', retryAfter: 30 },
  refusal('INVALID_CLIENT'),
  refusal('INVALID_CLIENT'),
  { kind: 'status', status: 502 },
];

describe('ten minutes without the identity system', () => {
  let suite: TokenSuite;

  beforeAll(async () => {
    suite = await TokenSuite.start('grace');
  }, 60_000);
  afterAll(() => suite.stop(), 30_000);

  it('cost none of 1,000 grants its state, and every player has a token when they are over', async () => {
    const clock = new OffsetClock();
    const grantIds = await suite.manySignedInLongAgo(GRANTS);
    const service = suite.serviceOf({ clock, durations: { softDeadlineMs: 20_000 }, refusalsAreFinal: true });
    const states = async (): Promise<unknown> =>
      suite.dataSource.query('SELECT state, generation, count(*)::int AS count FROM nowgg_grant GROUP BY 1, 2');
    const minutePasses = async () => {
      clock.advance(MINUTE_MS);
      await suite.pass(MINUTE_MS);
    };
    for (const [minute, outage] of OUTAGE.entries()) {
      suite.nowgg.clearFaults();
      suite.nowgg.setFault(outage);
      const callsBefore = suite.refreshes;
      await inLanes(minute % 4 === 0 ? GRANTS : GRANTS / 10, async (index) => {
        const token = service.getAccessToken(grantIds[index] as string);
        await expect(token).rejects.toBeInstanceOf(IdentityUnavailableError);
      });
      expect(suite.refreshes - callsBefore).toBeLessThan(GRANTS / 10);
      expect(await states()).toEqual([{ state: 'active', generation: 1, count: GRANTS }]);
      await minutePasses();
    }
    suite.nowgg.clearFaults();
    // One call has to show that it is over.
    await service.getAccessToken(grantIds[0] as string);
    await inLanes(GRANTS, async (index) => void (await service.getAccessToken(grantIds[index] as string)));
    expect(await states()).toEqual([{ state: 'active', generation: 2, count: GRANTS }]);
    await service.beforeApplicationShutdown();
  }, 120_000);
});
