import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../redis/support.js';
import { ObservedGame } from './observed-game.js';

let game: ObservedGame;

beforeAll(async () => {
  game = await ObservedGame.start();
}, 120_000);
afterAll(async () => {
  await game[Symbol.asyncDispose]();
}, 60_000);

/** Waits for a line while time passes on the game's clock. */
async function untilLine(begin: string, meanwhile: () => unknown = () => undefined): Promise<string> {
  await until(async () => {
    game.clock.advance(2_000);
    await meanwhile();
    return game.lines(begin).length > 0;
  });
  return game.lines(begin)[0] as string;
}

const refused = () => game.play(game.newToken());

describe('the log of a game', () => {
  it('has one line about its set-up', () => {
    expect(game.log[0]).toBe(
      `started; identity providers: nowgg (${game.emulator.url}); grants: in a database; bans: in a database; ` +
        'verdicts: shared, 30000 ms, 300000 ms more in an outage; before bans are loaded: refuse; rate: no limit; ' +
        'guard: every route; routes: ready-made',
    );
  });

  it('is silent while everything works', async () => {
    const signedIn = await game.signIn();
    expect([signedIn.status, await game.play(signedIn.body.token as string)]).toEqual([200, 200]);
    expect(game.log).toHaveLength(1);
  });

  it('tells that now.gg hangs, and that it answers again', async () => {
    game.emulator.setFault({ kind: 'hang' });
    expect(await refused()).toBe(503);
    expect(await untilLine('identity_unavailable: ', refused)).toMatch(/\[provider nowgg, verify: timeout\]$/);
    game.emulator.clearFaults();
    expect(await untilLine('identity_unavailable over: ', refused)).toMatch(/\[provider nowgg, verify: timeout, after/);
  }, 60_000);

  it('tells why now.gg cannot be asked', async () => {
    game.emulator.setFault({ kind: 'status', status: 502 });
    game.clock.advance(60_000);
    await untilLine('identity_unavailable: the identity system cannot be asked; players', refused);
    await until(async () => {
      game.clock.advance(2_000);
      await refused();
      return game.lines('identity_unavailable: ').some((line) => line.includes('verify: status 502'));
    });
    game.emulator.clearFaults();
    await until(async () => {
      game.clock.advance(2_000);
      return (await refused()) === 200;
    });
    expect(await refused()).toBe(200);
  }, 60_000);

  it('blames our own database when it is away, and names its code', async () => {
    await game.cluster.goDown();
    const answer = await game.signIn();
    expect(answer).toMatchObject({ status: 503, body: { errorCode: 'store_unavailable' } });
    expect(await untilLine('store_unavailable: ')).toMatch(/\[(ECONNREFUSED|57P0[123])\]$/);
    expect(await untilLine('revocations_unread: ')).toContain('newer bans are not seen');
    expect(game.events.filter(({ event }) => event.type === 'exchange').at(-1)?.event).toMatchObject({
      outcome: 'store_unavailable',
    });
    await game.cluster.start();
    expect(await untilLine('store_unavailable over: ')).toMatch(/after \d+ s\]$/);
    await until(async () => {
      game.clock.advance(1_000);
      return game.lines('revocations_unread: ').some((line) => line.includes('[over]'));
    });
  }, 60_000);

  it('tells that Redis is gone, that it is frozen, and that it is back', async () => {
    await game.redis.kill();
    expect(await untilLine('shared_cache_unavailable: ', refused)).toMatch(/\[[A-Za-z ]+\]$/);
    await game.redis.start();
    await untilLine('shared_cache_unavailable over: ', refused);
    game.clock.advance(120_000);
    const before = game.log.length;
    game.redis.freeze();
    await until(async () => {
      await refused();
      return game.log.slice(before).some((line) => line.includes('no reply in time'));
    });
    game.redis.thaw();
    await until(async () => {
      game.clock.advance(2_000);
      await refused();
      return game.log.slice(before).some((line) => line.startsWith('shared_cache_unavailable over: '));
    });
  }, 60_000);

  it('tells of a sign-in that failed, and why', async () => {
    const answer = await game.signIn(game.planted.plant('code'));
    expect(answer.status).toBe(400);
    expect(game.lines('sign_in_failed: a code')).toEqual([
      'sign_in_failed: a code or its token was refused [provider nowgg, code refused]',
    ]);
  });

  it('tells that our secret seems wrong, and when it is right again', async () => {
    const tokens = Array.from({ length: 8 }, () => game.newToken());
    for (const token of tokens) expect(await game.play(token)).toBe(200);
    game.emulator.setClientSecret('game', game.planted.plant('new-secret'));
    await untilLine('own_credentials_suspect: ', async () => {
      game.clock.advance(400_000);
      for (const token of tokens) await game.play(token);
    });
    game.emulator.setClientSecret('game', game.clientSecret);
    await until(async () => {
      game.clock.advance(6_000);
      for (const token of tokens) await game.play(token);
      return game.lines('own_credentials_suspect: ').some((line) => line.includes('[provider nowgg, over]'));
    });
  }, 60_000);

  it('has no secret in its lines and events', () => {
    expect(game.events.length).toBeGreaterThan(50);
    expect(game.leaks()).toEqual([]);
  });
});
