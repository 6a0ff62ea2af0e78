import { afterEach, describe, expect, it } from '@jest/globals';
import { IdentityUnavailableError } from '../errors.js';
import { activeStates } from '../events/state-events.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { newGrantRecord } from '../tokens/store/grant-record.js';
import { NowggKeepAliveService } from './nowgg-keep-alive.service.js';

const DAY_MS = 86_400_000;
const EVERY_MS = 3_600_000;
const provider = {
  name: 'nowgg',
  clientKey: 'client',
  canObtainTokens: true,
  refreshTokenIdle: { ms: 14 * DAY_MS, since: 'use' },
};

describe('NowggKeepAliveService', () => {
  let service: NowggKeepAliveService | undefined;
  afterEach(async () => service?.beforeApplicationShutdown());

  it('tells of failed renewals until another process looks', async () => {
    const clock = new ManualClock();
    const signIn = {
      id: '5a1f7a4e-0000-4000-8000-0000ffffffff',
      provider: provider.name,
      clientKey: provider.clientKey,
      userId: 'player-1',
      sessionId: undefined,
      refreshCiphertext: new Uint8Array(1),
      accessCiphertext: new Uint8Array(1),
      accessTokenExpiresAtMs: undefined,
      refreshTokenExpiresAtMs: undefined,
    };
    const grant = { ...newGrantRecord(signIn, clock.now() - 13.9 * DAY_MS), readAtMs: clock.now() };
    const looks: string[] = [];
    let isOurTurn = true;
    const store = {
      takeDesignatedAttempt: async () => {
        looks.push(isOurTurn ? 'ours' : 'of another');
        return isOurTurn;
      },
      listLapsing: async () => ({ grants: [grant], next: undefined }),
    };
    service = new NowggKeepAliveService({
      store: store as never,
      providers: [provider] as never,
      tokens: { refresh: async () => Promise.reject(new IdentityUnavailableError()) },
      clock,
      options: { isScheduled: true, idleMs: {}, perSecond: 10, everyMs: EVERY_MS },
    });
    const told = () => activeStates().filter(({ type }) => type === 'grants_lapsing');
    const untilLook = async (count: number) => {
      while (looks.length < count) {
        clock.advance(EVERY_MS);
        await new Promise(setImmediate);
      }
    };
    service.onApplicationBootstrap();
    await untilLook(1);
    while (told().length === 0) await new Promise(setImmediate);
    expect(told()).toMatchObject([{ provider: 'nowgg', detail: 'in 0 days' }]);
    isOurTurn = false;
    await untilLook(2);
    while (told().length > 0) await new Promise(setImmediate);
    expect(looks.slice(0, 2)).toEqual(['ours', 'of another']);
  });
});
