import { Controller, Get, Inject, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { describe, expect, it, jest } from '@jest/globals';
import type { NowggPrincipal } from 'nestjs-nowgg-auth';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { HandlerRuns } from '../../support/game/guarded-routes.js';
import { acceptAny, accepted, refused, tokenClaims } from '../../support/game/now-gg-messages.js';
import { json, reset, text } from '../../support/raw-http/raw-answers.js';
import type { RawAnswer } from '../../support/raw-http/raw-peer.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

@Controller()
class PassportRoutes {
  constructor(@Inject(HandlerRuns) private readonly runs: HandlerRuns) {}

  @Get('passport')
  @UseGuards(AuthGuard('nowgg'))
  passport(@Req() request: { user: NowggPrincipal }) {
    this.runs.names.push('passport');
    return { userId: request.user.userId };
  }
}

type Lines = readonly (readonly [string, string])[];

describe.each(platforms)('the Passport strategy on %s', (platform) => {
  it.each<[string, (token: string) => Lines]>([
    ['no Authorization', () => []],
    ['another scheme', (token) => [['Authorization', `Basic ${token}`]]],
    ['Bearer alone', () => [['Authorization', 'Bearer']]],
    ['a quoted token', (token) => [['Authorization', `Bearer "${token}"`]]],
    ['two tokens', (token) => [['Authorization', `Bearer ${token} ${token}`]]],
    [
      'two lines',
      (token) => [
        ['Authorization', `Bearer ${token}`],
        ['Authorization', `Bearer ${token}`],
      ],
    ],
    ['X-Authorization', (token) => [['X-Authorization', `Bearer ${token}`]]],
  ])('refuses without a question: %s', async (_what, lines) => {
    await using app = await start();
    const reply = await app.send({ path: '/passport', headers: lines(app.token()) });
    expect([400, 401]).toContain(reply.status);
    expect(app.handled).toEqual([]);
    expect(app.peer.connectionCount).toBe(0);
  });

  it.each<[string, number, RawAnswer, number?]>([
    ['a refusal', 401, json(200, refused())],
    ['an expired token', 401, json(401, refused('EXPIRED_TOKEN'))],
    ['HTML', 503, text(200, '<html>')],
    ['a 500 with success', 503, json(500, accepted(tokenClaims()))],
    // A question that fails fast is sent once more.
    ['a reset', 503, reset, 2],
    ['a 429', 503, json(429, {}, [['Retry-After', '5']])],
    ['claims of another token', 503, json(200, accepted(tokenClaims()))],
  ])('lets no caller in after %s: %d', async (_what, status, answer, requests = 1) => {
    await using app = await start();
    app.peer.alwaysAnswer(answer);
    const reply = await app.fetch('/passport', app.token());
    expect(reply.status).toBe(status);
    expect(app.handled).toEqual([]);
    expect(app.peer.requests).toHaveLength(requests);
  });

  it('lets the player in whose token is good, and shares what the guard knows', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(acceptAny);
    const token = app.token({ userId: 'ada' });
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expect((await app.fetch('/passport', token)).json()).toEqual({ userId: 'ada' });
    expect(app.peer.requests).toHaveLength(1);
  });

  async function start() {
    return AppUnderTest.start(platform, { controllers: [PassportRoutes], wiring: { strategyName: 'nowgg' } });
  }
});
