import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, type Platform, platforms } from '../../support/game/app-under-test.js';
import { acceptAny, accepted, claimsSent, refused } from '../../support/game/now-gg-messages.js';
import { json } from '../../support/raw-http/raw-answers.js';
import type { RawAnswer } from '../../support/raw-http/raw-peer.js';
import { jsonOf } from '../../support/raw-http/raw-request.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(120_000);

const doubt = { type: 'own_credentials_suspect', provider: 'nowgg' };
const neverAccepted = { ...doubt, detail: 'no token was accepted in the last ten minutes' };
const over = { ...doubt, detail: 'over' };

/** A now.gg that refuses, by name, what was forged or revoked, and everything that comes with a wrong secret. */
class Service {
  readonly revoked = new Set<string>();
  secretIsGood = true;
  readonly answer: RawAnswer = (exchange) => {
    const { token } = jsonOf(exchange.request);
    const claims = claimsSent(exchange);
    const isGood = this.secretIsGood && claims.forged !== true && !this.revoked.has(String(token));
    return json(200, isGood ? accepted(claims) : refused())(exchange);
  };
}

async function start(platform: Platform) {
  const service = new Service();
  const app = await AppUnderTest.start(platform);
  app.peer.alwaysAnswer(service.answer);
  const signIn = async (count: number) => {
    const tokens = Array.from({ length: count }, () => app.token({ exp: 4_102_444_800 }));
    for (const token of tokens) expect((await app.fetch('/guarded', token)).status).toBe(200);
    return tokens;
  };
  return { app, service, signIn };
}

describe.each(platforms)('a client secret in doubt on %s', (platform) => {
  it('refuses two strangers of a new process, and then none until a token is accepted, and says so once', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused()));
    for (const _token of [1, 2]) expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
    const token = app.token();
    for (const each of [token, app.token(), app.token()]) expectAnswer(await app.fetch('/guarded', each), 'S');
    expectAnswer(await app.fetch('/lenient', app.token()), 'S');
    expect(app.securityEvents).toEqual([neverAccepted]);
    expect(app.handled).toEqual([]);

    // The secret is put right at the identity system: the same token is accepted when its refusal has stood for 5 s.
    app.peer.alwaysAnswer(acceptAny);
    app.clock.advance(5_000);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expect(app.securityEvents).toEqual([neverAccepted, over]);
    app.peer.alwaysAnswer(json(200, refused()));
    expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
  });

  it('signs no player out while it is wrong for two minutes', async () => {
    const { app, service, signIn } = await start(platform);
    await using _app = app;
    const tokens = await signIn(5);
    service.secretIsGood = false;
    for (let second = 0; second < 120; second += 1) {
      app.clock.advance(1_000);
      const token = tokens[second % tokens.length];
      expect((await app.fetch('/guarded', token)).status).toBe(200);
      if (second % 10 === 0) expectAnswer(await app.fetch('/fresh', token), 'S');
    }
    expect(app.securityEvents).toEqual([doubt]);
    const newcomer = app.token();
    expectAnswer(await app.fetch('/guarded', newcomer), 'S');
    service.secretIsGood = true;
    app.clock.advance(5_000);
    expect((await app.fetch('/guarded', newcomer)).status).toBe(200);
    expect(app.securityEvents).toEqual([doubt, over]);
  });

  it('is not doubted because of forged tokens: they are refused, at the cost of a canary a second', async () => {
    const { app, signIn } = await start(platform);
    await using _app = app;
    const tokens = await signIn(3);
    const before = app.peer.requests.length;
    for (let each = 0; each < 90; each += 1) {
      app.clock.advance(50);
      expectAnswer(await app.fetch('/guarded', app.token({ forged: true })), 'U1');
    }
    for (const token of tokens) expect((await app.fetch('/guarded', token)).status).toBe(200);
    const canaries = app.peer.requests
      .slice(before)
      .filter((request) => tokens.includes(String(jsonOf(request).token)));
    // Four and a half seconds and the time that the test takes.
    expect(canaries.length).toBeGreaterThan(0);
    expect(canaries.length).toBeLessThan(45);
    expect(app.securityEvents).toEqual([]);
  });

  it('keeps no revoked player in and no forger from a 401, whatever a forger sends in a quiet process', async () => {
    const { app, service, signIn } = await start(platform);
    await using _app = app;
    const [token = ''] = await signIn(1);
    service.revoked.add(token);
    const statuses: number[] = [];
    for (let minute = 0; minute < 6; minute += 1) {
      for (let each = 0; each < 5; each += 1) {
        app.clock.advance(12_000);
        expectAnswer(await app.fetch('/guarded', app.token({ forged: true })), 'U1');
      }
      statuses.push((await app.fetch('/guarded', token)).status);
    }
    // The first question about the token may be a canary, which leaves one for its player.
    expect(statuses.slice(1)).toEqual([401, 401, 401, 401, 401]);
  });

  it('refuses a token that now.gg revoked at the second look, two seconds after the first', async () => {
    const { app, service, signIn } = await start(platform);
    await using _app = app;
    const [token = '', other = ''] = await signIn(2);
    service.revoked.add(token);
    const once = await app.fetch('/fresh', token);
    expectAnswer(once, 'S');
    expect(once.header('Retry-After')).toBe('2');
    expectAnswer(await app.fetch('/never-stale', token), 'S');
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    app.clock.advance(2_000);
    expectAnswer(await app.fetch('/fresh', token), 'U1');
    for (const path of ['/guarded', '/fresh', '/never-stale']) expectAnswer(await app.fetch(path, token), 'U1');
    expect((await app.fetch('/fresh', other)).status).toBe(200);
    expect(app.securityEvents).toEqual([]);
  });

  it('never doubts while tokens are accepted', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer((exchange) =>
      json(200, claimsSent(exchange).forged === true ? refused() : accepted(claimsSent(exchange)))(exchange),
    );
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    for (const _token of Array.from({ length: 12 })) {
      expectAnswer(await app.fetch('/guarded', app.token({ forged: true })), 'U1');
    }
    expect(app.securityEvents).toEqual([]);
  });

  it.each([
    ['opaque tokens', (app: AppUnderTest) => app.opaque(), 'INVALID_TOKEN'],
    ['tokens without a player', (app: AppUnderTest) => app.signed({ userId: 'x' }), 'INVALID_TOKEN'],
    ['tokens of another client', (app: AppUnderTest) => app.token({ aud: 'another-client' }), 'INVALID_TOKEN'],
    ['tokens past their exp', (app: AppUnderTest) => app.token({ exp: 1 }), 'INVALID_TOKEN'],
    ['expired ones', (app: AppUnderTest) => app.token(), 'EXPIRED_TOKEN'],
    ['id_tokens, which are sent without the secret', (app: AppUnderTest) => app.idToken(), 'INVALID_TOKEN'],
  ] as const)('never doubts for %s', async (_what, make, code) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused(code)));
    for (const _token of Array.from({ length: 12 })) expectAnswer(await app.fetch('/guarded', make(app)), 'U1');
    expect(app.securityEvents).toEqual([]);
  });

  it('never doubts for one token that is sent again and again', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused()));
    const token = app.token();
    for (const _again of Array.from({ length: 12 })) {
      expectAnswer(await app.fetch('/guarded', token), 'U1');
      app.clock.advance(6_000);
    }
    expect(app.securityEvents).toEqual([]);
  });

  it('believes an id_token that was accepted and is refused at once', async () => {
    await using app = await AppUnderTest.start(platform);
    const token = app.idToken();
    app.peer.thenAnswer(acceptAny).alwaysAnswer(json(200, refused()));
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expectAnswer(await app.fetch('/fresh', token), 'U1');
    expectAnswer(await app.fetch('/guarded', token), 'U1');
  });

  it('is not looked at where an application says that refusals are definite', async () => {
    await using app = await AppUnderTest.start(platform, { options: { verification: { refusalsAreDefinite: true } } });
    const token = app.token();
    app.peer.thenAnswer(acceptAny).alwaysAnswer(json(200, refused()));
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expectAnswer(await app.fetch('/fresh', token), 'U1');
    for (const _token of Array.from({ length: 12 })) expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
    expect(app.securityEvents).toEqual([]);
  });
});
