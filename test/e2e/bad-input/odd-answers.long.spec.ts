import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { acceptAny, claimsSent } from '../../support/game/now-gg-messages.js';
import { hangUp, json, message, bytes, reset, silence } from '../../support/raw-http/raw-answers.js';
import type { RawReply } from '../../support/raw-http/raw-client.js';
import type { RawAnswer } from '../../support/raw-http/raw-peer.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(120_000);

/** What is sent, the answer, and for how many seconds: what is silent stays under way. */
const odd: readonly (readonly [string, RawAnswer, number])[] = [
  ['MALFORMED_TOKEN', json(400, { success: false, code: 'MALFORMED_TOKEN' }), 15],
  ['a 500', json(500, {}), 15],
  ['a 500 with Retry-After', json(500, {}, [['Retry-After', '60']]), 15],
  ['a page', bytes(message(200, '<html>', [['Content-Type', 'text/html']])), 15],
  ['a redirect', bytes(message(302, '', [['Location', '/']])), 15],
  ['nothing before the deadline', silence, 5],
];

/** Answers oddly about a forger's tokens, and well about all others. */
const oddFor = (answer: RawAnswer): RawAnswer => {
  return (exchange) => (claimsSent(exchange).forged === true ? answer(exchange) : acceptAny(exchange));
};

/** What is decided does not depend on the platform: one kind of answer on each is enough to see the whole way. */
const attacked = odd.flatMap(([what, answer, length], index) => {
  const on = index === 0 ? platforms : platforms.slice(0, 1);
  return on.map((platform) => [what, platform, answer, length] as const);
});

describe('tokens that the identity system cannot digest', () => {
  it.each(attacked)('keep no newcomer out, answered with %s, on %s', async (_what, platform, answer, length) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(oddFor(answer));
    const forged = Array.from({ length: 6 }, () => app.token({ forged: true }));
    const attacks: Promise<RawReply>[] = [];
    for (let second = 0; second < length; second += 1) {
      for (let each = 0; each < 18; each += 1) {
        attacks.push(app.fetch('/guarded', each < 6 ? forged[each] : app.token({ forged: true })));
      }
      const newcomers = Array.from({ length: 3 }, () => app.fetch('/guarded', app.token()));
      expect((await Promise.all(newcomers)).map(({ status }) => status)).toEqual([200, 200, 200]);
      app.clock.advance(1_000);
    }
    for (const reply of await Promise.all(attacks)) expectAnswer(reply, 'S');
  });
});

describe.each(platforms)('a token that the identity system cannot digest, on %s', (platform) => {
  it('is asked about once in five seconds, however often it is sent', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(oddFor(json(400, { success: false, code: 'MALFORMED_TOKEN' })));
    const token = app.token({ forged: true });
    for (let each = 0; each < 20; each += 1) {
      const reply = await app.fetch('/fresh', token);
      expectAnswer(reply, 'S');
      expect(Number(reply.header('Retry-After'))).toBeLessThanOrEqual(5);
    }
    expect(app.peer.requests).toHaveLength(1);
    app.clock.advance(5_000);
    await app.fetch('/guarded', token);
    expect(app.peer.requests).toHaveLength(2);
  });
});

describe.each(platforms)('an identity system that fails every second call, on %s', (platform) => {
  it.each([
    ['with a 500', json(500, {})],
    ['with a reset', reset],
    ['by closing the connection', hangUp],
  ] as const)('%s still serves newcomers', async (_how, failure) => {
    await using app = await AppUnderTest.start(platform);
    let calls = 0;
    app.peer.alwaysAnswer((exchange) => {
      calls += 1;
      return calls % 2 === 0 ? failure(exchange) : acceptAny(exchange);
    });
    for (let each = 0; each < 60; each += 1) {
      app.clock.advance(100);
      expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    }
  });

  it('with a 500 serves most of many newcomers at once, and never stops asking', async () => {
    await using app = await AppUnderTest.start(platform);
    let calls = 0;
    app.peer.alwaysAnswer((exchange) => {
      calls += 1;
      if (calls % 2 === 0) return acceptAny(exchange);
      return json(500, {})(exchange);
    });
    const statuses: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const replies = await Promise.all(Array.from({ length: 20 }, () => app.fetch('/guarded', app.token())));
      statuses.push(...replies.map(({ status }) => status));
      app.clock.advance(1_000);
    }
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(120);
    expect(app.peer.requests.length).toBeGreaterThanOrEqual(200);
  });
});
