import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { GameProcessReady, GameProcessStart } from '../support/processes/children/game-process.js';
import { SourceProcess } from '../support/processes/source-process.js';
import { TITLES } from '../support/token-service/nowgg-provider.js';
import { RING } from '../support/token-service/token-service.js';
import { TokenSuite } from '../support/token-service/token-suite.js';

const GAME = 'test/support/processes/children/game-process.ts';
const PLAYERS = 5;

describe('a process that is told to end while the token endpoint does not reply', () => {
  let suite: TokenSuite;
  let grantIds: string[];

  beforeAll(async () => {
    suite = await TokenSuite.start();
  }, 90_000);
  afterAll(() => suite.stop(), 30_000);
  beforeEach(async () => {
    suite.startOver('grace');
    grantIds = await suite.manySignedInLongAgo(PLAYERS);
  });

  /** A game whose players wait for a refresh that now.gg has carried out, and whose reply it keeps. */
  async function waitingGame(graceMs: number) {
    const game = new SourceProcess(GAME);
    const { url } = await game.ask<GameProcessReady>({
      databaseUrl: suite.url,
      options: {
        ...TITLES[0],
        baseUrl: suite.nowgg.url,
        // Without a grace period, the process would wait for the replies longer than the test may take.
        // A player whose call has not begun by the soft deadline, as on a busy machine, would not be counted.
        tokens: { encryptionKeys: [RING[0]], softDeadlineMs: 4_000, lateReplyMs: 600_000 },
        shutdown: { graceMs },
      },
    } satisfies GameProcessStart);
    suite.hold();
    const answers = Promise.all(grantIds.map(async (id) => (await fetch(`${url}/generation/${id}`)).status));
    await suite.called(PLAYERS);
    return { game, answers };
  }

  const generations = async () => Promise.all(grantIds.map(async (id) => (await suite.grant(id)).generation));

  it('ends with its grace period, and another process gets the tokens', async () => {
    const { game, answers } = await waitingGame(1_000);
    await using _ended = game;
    game.signal('SIGTERM');
    await game.end();
    expect(await answers).toEqual(Array.from({ length: PLAYERS }, () => 503));
    expect(await generations()).toEqual(Array.from({ length: PLAYERS }, () => 1));
    suite.release();
    await suite.pass(60_000);
    for (const id of grantIds) expect((await suite.service.getAccessToken(id)).generation).toBe(2);
    expect(suite.refreshes).toBe(2 * PLAYERS);
  }, 60_000);

  it('stores the replies that come within its grace period', async () => {
    const { game, answers } = await waitingGame(30_000);
    await using _ended = game;
    await answers;
    game.signal('SIGTERM');
    suite.release();
    await game.end();
    expect(await generations()).toEqual(Array.from({ length: PLAYERS }, () => 2));
    expect(suite.refreshes).toBe(PLAYERS);
  }, 60_000);
});
