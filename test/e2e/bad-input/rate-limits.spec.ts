import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { acceptAny, accepted, claimsSent } from '../../support/game/now-gg-messages.js';
import { json } from '../../support/raw-http/raw-answers.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

type HeaderLine = readonly [string, string];
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();

/** `Retry-After` in every form, and between how many seconds the answer to our own caller may lie. */
const forms: readonly (readonly [what: string, headers: () => HeaderLine[], least: number, most: number])[] = [
  ['7', () => [['Retry-After', '7']], 7, 7],
  ['a date', () => [['Retry-After', inSeconds(20)]], 15, 21],
  ['a date in the past', () => [['Retry-After', inSeconds(-3600)]], 1, 60],
  ['a date far ahead', () => [['Retry-After', inSeconds(864_000)]], 60, 60],
  ['0', () => [['Retry-After', '0']], 1, 60],
  ['-1', () => [['Retry-After', '-1']], 1, 60],
  ['1e9', () => [['Retry-After', '1e9']], 1, 60],
  ['1000000000', () => [['Retry-After', '1000000000']], 60, 60],
  ['400 digits', () => [['Retry-After', '9'.repeat(400)]], 1, 60],
  ['a fraction', () => [['Retry-After', '7.5']], 1, 60],
  ['text', () => [['Retry-After', 'soon']], 1, 60],
  ['two numbers', () => [['Retry-After', '7, 9']], 1, 60],
  [
    'two lines',
    () => [
      ['Retry-After', '7'],
      ['Retry-After', '9'],
    ],
    1,
    60,
  ],
  ['nothing', () => [['Retry-After', '']], 1, 60],
  ['none', () => [], 1, 60],
];

describe.each(platforms)('an identity system that asks for patience on %s', (platform) => {
  it.each(forms)('is not called before its Retry-After has passed: %s', async (_what, headers, least, most) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer(json(429, {}, headers())).alwaysAnswer(acceptAny);
    const reply = await app.fetch('/guarded', app.token());
    expectAnswer(reply, 'S');
    const seconds = Number(reply.header('Retry-After'));
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThanOrEqual(most);

    const other = app.token();
    expectAnswer(await app.fetch('/guarded', other), 'S');
    expectAnswer(await app.fetch('/guarded', app.idToken()), 'S');
    app.clock.advance(Math.max(0, least - 2) * 1000);
    if (least > 2) expectAnswer(await app.fetch('/fresh', other), 'S');
    expect(app.peer.requests).toHaveLength(1);
    expect(app.handled).toEqual([]);

    app.clock.advance(61_000);
    expect((await app.fetch('/guarded', other)).status).toBe(200);
    expect(app.peer.requests).toHaveLength(2);
  });

  it('stays rate limited when the body of a 429 says success', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer((exchange) => json(429, accepted(claimsSent(exchange)), [['Retry-After', '30']])(exchange));
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    expect(app.peer.requests).toHaveLength(1);
  });

  it('lets cached players play on meanwhile, and tells the others how long it lasts', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer(acceptAny, json(429, {}, [['Retry-After', '40']]));
    const token = app.token();
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    app.clock.advance(35_000);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    const late = await app.fetch('/guarded', app.token());
    expectAnswer(late, 'S');
    expect(Number(late.header('Retry-After'))).toBeLessThanOrEqual(6);
    expect(app.peer.requests).toHaveLength(2);
  });

  it('takes a jump of the wall clock for no passing of time', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer(json(429, {}, [['Retry-After', '30']]));
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    app.clock.stepWallClock(3_000_000);
    expectAnswer(await app.fetch('/guarded', app.token({ exp: Math.floor(Date.now() / 1000) + 9_000_000 })), 'S');
    app.clock.stepWallClock(-9_000_000);
    expectAnswer(await app.fetch('/guarded', app.token()), 'S');
    expect(app.peer.requests).toHaveLength(1);
  });
});
