import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

/** The deadline of a reply is one of the socket, which no clock of a test moves. */
const LATE_REPLY_MS = 600;

let suite: TokenSuite;
let worker: TokenWorker;

beforeAll(async () => {
  suite = await TokenSuite.start('once');
  const durations = { leaseMs: 300, softDeadlineMs: 300, lateReplyMs: LATE_REPLY_MS };
  [worker] = (await suite.workers(1, { durations })) as [TokenWorker];
}, 60_000);
afterAll(() => suite.stop(), 30_000);

it('stores a reply that came in time to a process that stood still past the deadline', async () => {
  for (let round = 0; round < 5; round += 1) {
    suite.startOver('once');
    const grantId = await suite.signInLongAgo();
    suite.hold();
    const asked = worker.do('getAccessToken', { grantId });
    await suite.called(2);
    worker.freeze();
    suite.release();
    while (suite.nowgg.requests.at(-1)?.status === undefined) await pause(5);
    await pause(LATE_REPLY_MS);
    await worker.thaw();
    await asked;
    const isOpen = async () => {
      const { leaseOwner } = await suite.grant(grantId);
      return leaseOwner !== undefined;
    };
    while (await isOpen()) await pause(5);
    expect(await suite.grant(grantId)).toMatchObject({ state: 'active', generation: 2 });
  }
}, 60_000);
