import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { NowggClock } from 'nestjs-nowgg-auth';
import { DataSource } from 'typeorm';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { ProfileSyncJob } from '../../apps/sample/src/jobs/profile-sync.job.js';
import { LocalProxy } from '../support/servers/local-proxy.js';
import { type RunningSample, startSample, startSampleServices } from '../support/sample/sample-app.js';

let services: EmbeddedServices;

beforeAll(async () => {
  services = await startSampleServices();
}, 180_000);
afterAll(() => services?.close());

describe('the embedded database', () => {
  const connectionOf = async (changes: (url: URL) => void) => {
    const url = new URL(services.config.database.url);
    changes(url);
    const client = new Client({ connectionString: url.href });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return 'connected';
    } catch (error) {
      return (error as { code?: string }).code;
    } finally {
      await client.end().catch(() => undefined);
    }
  };

  it('opens for its password only, for any user name', async () => {
    const { password } = new URL(services.config.database.url);
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(await connectionOf((url) => Object.assign(url, { username: 'nobody', password: 'x' }))).toBe('28P01');
    expect(await connectionOf((url) => Object.assign(url, { password: password.slice(1) }))).toBe('28P01');
    expect(await connectionOf((url) => Object.assign(url, { password: '' }))).not.toBe('connected');
    expect(await connectionOf(() => undefined)).toBe('connected');
  });
});

describe.each(['express', 'fastify'] as const)('the sample on %s', (platform) => {
  let sample: RunningSample;
  /** Pushes the module's clock forward, for good. */
  const letPass = (ms: number) => {
    const clock = sample.app.get(NowggClock, { strict: false });
    const [now, monotonicNow] = [clock.now.bind(clock), clock.monotonicNow.bind(clock)];
    clock.now = () => now() + ms;
    clock.monotonicNow = () => monotonicNow() + ms;
  };

  const countRows = async (table: string): Promise<number> => {
    const [row] = await sample.app.get(DataSource).query(`SELECT count(*)::int AS rows FROM ${table}`);
    return row.rows;
  };
  const buy = (token: string, item = 'xp-boost', purchaseId: string = randomUUID()) =>
    sample.call('POST', '/shop/purchases', { token, body: { purchaseId, item } });

  beforeAll(async () => {
    sample = await startSample(services, platform);
  }, 60_000);
  afterAll(() => sample?.close());
  afterEach(() => sample.emulator.clearFaults());

  it('closes although a connection has carried no request', async () => {
    const other = await startSample(services, platform);
    const connection = connect(Number(new URL(other.url).port), '127.0.0.1');
    try {
      await once(connection, 'connect');
      await other.close();
      await expect(other.call('GET', '/health/live')).rejects.toThrow('fetch failed');
    } finally {
      connection.destroy();
    }
  }, 30_000);

  describe('open doors', () => {
    it.each([
      ['GET', '/me'],
      ['GET', '/me/profile'],
      ['GET', '/me/session'],
      ['POST', '/scores'],
      ['POST', '/shop/purchases'],
    ])('%s %s needs a token', async (method, path) => {
      const answer = await sample.call(method, path, method === 'POST' ? { body: {} } : {});
      expect(answer.status).toBe(401);
      expect(answer.body.errorCode).toBe('missing_token');
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="game"');
      expect(answer.headers.get('cache-control')).toBe('no-store');
    });

    it('health, catalogue and leaderboard need none', async () => {
      for (const path of ['/health/live', '/health/ready']) {
        expect((await sample.call('GET', path)).body).toEqual({ status: 'ok' });
      }
      expect((await sample.call('GET', '/shop/items')).body).toContainEqual({ item: 'xp-boost', price: 120 });
      expect((await sample.call('GET', '/scores/nobody-plays-this')).body).toEqual([]);
    });

    it('the page needs none, and lets nothing in from elsewhere', async () => {
      for (const path of ['/', '/admin', '/sign-in/web', '/page/main.js', '/page/style.css']) {
        const { status, headers } = await sample.call('GET', path);
        expect([path, status]).toEqual([path, 200]);
        expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
        expect(headers.get('content-security-policy')).toContain(`frame-ancestors 'none'`);
        expect(headers.get('x-content-type-options')).toBe('nosniff');
      }
      for (const path of [
        '/page/..%2f..%2fpackage.json',
        '/page/nothing.js',
        '/client/package.json',
        '/page/__proto__',
      ])
        expect((await sample.call('GET', path)).status).toBe(404);
    });

    it('the page lives under one name of this machine', async () => {
      const { port } = new URL(sample.url);
      const answer = await fetch(`http://localhost:${port}/sign-in/web?code=x`, { redirect: 'manual' });
      expect([answer.status, answer.headers.get('location')]).toEqual([302, `${sample.url}/sign-in/web?code=x`]);
    });

    it('the development tools need the key of this start, and take no orders from another site', async () => {
      const { developmentKey } = sample;
      const desk = await sample.call('GET', '/development/desk', { developmentKey });
      expect(desk.body).toMatchObject({ isOutage: false, tokenLifeSeconds: 3600 });
      const origin = 'http://evil.example';
      const headers = { 'content-type': 'application/json', 'x-development-key': developmentKey, origin };
      const body = JSON.stringify({ isOutage: true });
      const order = await fetch(`${sample.url}/development/outage`, { method: 'POST', headers, body });
      expect(order.status).toBe(403);
      expect(sample.emulator.faults).toEqual([]);
    });

    it.each([
      ['with the Host of the app', true],
      ['with its own Host', false],
    ])('the development tools do not open behind a proxy on this machine that forwards %s', async (_, rewritesHost) => {
      await using proxy = await LocalProxy.start(sample.url, rewritesHost);
      const { userId } = sample.emulator.addPlayer();
      const body = { provider: 'nowgg', userId, isOutage: true, seconds: 2 };
      const answers: [string, number][] = [];
      for (const path of ['desk', 'counters', 'desk?development=x', 'desk/', '../development/desk', '%64esk'])
        answers.push([path, (await proxy.call('GET', `/development/${path}`)).status]);
      for (const path of ['ban', 'sign-out', 'forgive', 'outage', 'token-life'])
        answers.push([path, (await proxy.call('POST', `/development/${path}`, body)).status]);
      expect(answers.filter(([, status]) => status < 400)).toEqual([]);
      expect(sample.emulator.faults).toEqual([]);
      for (const path of ['/page/configuration.json', '/', '/admin', '/page/development.js'])
        expect((await proxy.call('GET', path)).text).not.toContain(sample.developmentKey);
    });

    it('answers unknown paths with 404 in the shape of all errors', async () => {
      const answer = await sample.call('GET', '/nowhere');
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual({ statusCode: 404, message: 'not found', errorCode: 'not_found' });
    });
  });

  describe('sign-in with a code', () => {
    it('gives a token that works, a session, and a player of this game', async () => {
      const player = { name: 'Asha Rao', countryCode: 'IN' };
      const { token, tokenExpiresAt, generation, session, user } = await sample.signIn(player);
      expect({ generation, session }).toEqual({ generation: 1, session: expect.any(String) });
      expect(new Date(tokenExpiresAt).getTime()).toBeGreaterThan(sample.emulator.now());
      expect((await sample.call('GET', '/me', { token })).body).toEqual(user);
      expect(user).toMatchObject({ provider: 'nowgg', displayName: 'Asha Rao', countryCode: 'IN', coins: 500 });
    });

    it('does not wait for a name when now.gg does not tell it', async () => {
      sample.emulator.setFault({ kind: 'status', status: 500, endpoint: 'userinfo' });
      const { token, user } = await sample.signIn({ name: 'Asha Rao' });
      expect(user.displayName).toBeNull();
      expect((await sample.call('GET', '/me', { token })).body).toEqual(user);
    });

    it('forbids caches to store the answer', async () => {
      const { userId } = sample.emulator.addPlayer();
      const answer = await sample.login(sample.emulator.issueCode({ userId }));
      expect(answer.headers.get('cache-control')).toBe('no-store');
    });

    it('never hands out the refresh token', async () => {
      const { userId } = sample.emulator.addPlayer();
      const answer = await sample.login(sample.emulator.issueCode({ userId }));
      expect(answer.text).not.toMatch(/refresh/i);
    });

    it('makes one player of a hundred first calls at once', async () => {
      const { userId } = sample.emulator.addPlayer();
      const { token } = sample.emulator.issueTokens({ userId });
      const answers = await Promise.all(Array.from({ length: 100 }, () => sample.call('GET', '/me', { token })));
      expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
      expect(answers[0]?.body.userId).toBe(userId);
    });

    it('stores nothing for a refused code', async () => {
      const [players, grants] = [await countRows('players'), await countRows('nowgg_grant')];
      const answer = await sample.login('made-up-code');
      expect(answer.status).toBe(400);
      expect(answer.body.errorCode).toBe('invalid_grant');
      expect([await countRows('players'), await countRows('nowgg_grant')]).toEqual([players, grants]);
    });

    it.each([
      ['no body', undefined],
      ['an array', { provider: 'nowgg', code: ['a'] }],
      ['an object', { provider: 'nowgg', code: { $ne: '' } }],
      ['no provider where there are two', { code: 'planted-code' }],
      ['an empty code', { provider: 'nowgg', code: '' }],
      ['a code of 5 KB', { provider: 'nowgg', code: 'planted-code'.repeat(427) }],
      ['a code with line breaks', { provider: 'nowgg', code: 'planted-code\r\nX: y' }],
    ])('refuses %s without asking now.gg or repeating it', async (_, body) => {
      const asked = sample.emulator.requestCount();
      const answer = await sample.call('POST', '/auth/login', { body });
      expect(answer.status).toBe(400);
      expect(answer.body.errorCode).toMatch(/^invalid_(grant|request)$/);
      expect(answer.text).not.toContain('planted');
      expect(sample.emulator.requestCount()).toBe(asked);
    });

    it('does not repeat a body that is not JSON', async () => {
      const answer = await sample.call('POST', '/auth/login', { rawBody: '{"code":"planted-code' });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual({ statusCode: 400, message: 'bad request', errorCode: 'invalid_request' });
    });

    it('is a 503 with Retry-After while now.gg is down', async () => {
      const { userId } = sample.emulator.addPlayer();
      const code = sample.emulator.issueCode({ userId });
      sample.emulator.setFault({ kind: 'status', status: 503, endpoint: 'token' });
      const answer = await sample.login(code);
      expect(answer.status).toBe(503);
      expect(answer.body.errorCode).toBe('identity_unavailable');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    });
  });

  describe('the player', () => {
    it('sees what now.gg knows about the account and the session', async () => {
      const { token, user } = await sample.signIn({ name: 'Asha Rao', countryCode: 'IN', city: 'Bengaluru' });
      expect((await sample.call('GET', '/me/profile', { token })).body).toMatchObject({
        userId: user.userId,
        name: 'Asha Rao',
        countryCode: 'IN',
        city: 'Bengaluru',
      });
      expect((await sample.call('GET', '/me/session', { token })).body).toMatchObject({
        deviceData: { os: { name: 'Android' }, device: { brand: 'Samsung' } },
        packageName: 'com.example.game',
      });
    });

    it('may come with an id_token, which knows the name but cannot ask for the profile', async () => {
      const { userId } = sample.emulator.addPlayer({ name: 'Björn Åkesson' });
      const token = sample.emulator.issueIdToken({ userId });
      expect((await sample.call('GET', '/me', { token })).body).toMatchObject({ userId, displayName: 'Björn Åkesson' });
      const answer = await sample.call('GET', '/me/profile', { token });
      expect(answer.status).toBe(401);
      expect(answer.body.errorCode).toBe('wrong_token_type');
    });

    it('has a place on the board, which only they see marked', async () => {
      const board = `b-${randomUUID().slice(0, 8)}`;
      const [first, second] = [await sample.signIn(), await sample.signIn()];
      await sample.call('POST', '/scores', { token: second.token, body: { board, points: 10 } });
      const added = await sample.call('POST', '/scores', { token: first.token, body: { board, points: 30 } });
      expect(added.status).toBe(201);
      expect(added.body).toMatchObject({ board, points: 30 });
      const marks = async (token?: string) => {
        const { body } = await sample.call('GET', `/scores/${board}`, token === undefined ? {} : { token });
        return body.map(({ rank, points, mine }: Record<string, unknown>) => [rank, points, mine]);
      };
      expect(await marks(first.token)).toEqual([
        [1, 30, true],
        [2, 10, false],
      ]);
      expect(await marks()).toEqual([
        [1, 30, false],
        [2, 10, false],
      ]);
    });

    it.each([
      [{ board: 'level-1', points: -1 }],
      [{ board: 'level-1', points: 1.5 }],
      [{ board: 'level-1', points: '10' }],
      [{ board: 'Level 1', points: 1 }],
      [{ board: 'level-1', points: 1, playerId: 'x' }],
    ])('cannot add the score %j', async (body) => {
      const { token } = await sample.signIn();
      const answer = await sample.call('POST', '/scores', { token, body });
      expect(answer.status).toBe(400);
      expect(answer.body.errorCode).toBe('invalid_request');
    });
  });

  describe('a purchase', () => {
    it('asks now.gg each time, while other calls are answered from memory', async () => {
      const { token } = await sample.signIn();
      await sample.call('GET', '/me', { token });
      const asked = sample.emulator.requestCount({ endpoint: 'verify-token' });
      await sample.call('GET', '/me', { token });
      expect(sample.emulator.requestCount({ endpoint: 'verify-token' })).toBe(asked);
      await buy(token);
      await buy(token);
      expect(sample.emulator.requestCount({ endpoint: 'verify-token' })).toBe(asked + 2);
    });

    it('is not made with a token that now.gg has revoked, which is refused at the second look', async () => {
      const { token } = await sample.signIn();
      expect((await sample.call('GET', '/me', { token })).status).toBe(200);
      sample.emulator.revokeToken(token);
      const once = await buy(token);
      expect([once.status, once.headers.get('retry-after')]).toEqual([503, '2']);
      letPass(2_000);
      const answer = await buy(token);
      expect(answer.status).toBe(401);
      expect(answer.body.errorCode).toBe('invalid_token');
    });

    it('waits for better times in an outage, while remembered players play on', async () => {
      const { token } = await sample.signIn();
      const before = (await sample.call('GET', '/me', { token })).body;
      sample.emulator.setFault({ kind: 'status', status: 500 });
      const answer = await buy(token);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      const after = await sample.call('GET', '/me', { token });
      expect(after.status).toBe(200);
      expect(after.body).toEqual(before);
    });

    it('takes the coins once, however often the same purchase is sent', async () => {
      const { token } = await sample.signIn();
      const purchaseId = randomUUID();
      const answers = await Promise.all(Array.from({ length: 20 }, () => buy(token, 'xp-boost', purchaseId)));
      for (const { status, body } of answers) {
        expect({ status, body }).toEqual({
          status: 201,
          body: { purchaseId, item: 'xp-boost', price: 120, coinsLeft: 380 },
        });
      }
    });

    it('is refused when the coins run out, and takes none', async () => {
      const { token } = await sample.signIn();
      const answers = await Promise.all(Array.from({ length: 8 }, () => buy(token)));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(4);
      const refused = answers.filter(({ status }) => status === 409);
      expect(refused.map(({ body }) => body.errorCode)).toEqual(Array(4).fill('not_enough_coins'));
      expect((await sample.call('GET', '/me', { token })).body.coins).toBe(20);
    });

    it("cannot use another player's purchase id, buy what is not sold, or name its own price", async () => {
      const [first, second] = [await sample.signIn(), await sample.signIn()];
      const purchaseId = randomUUID();
      await buy(first.token, 'xp-boost', purchaseId);
      expect((await buy(second.token, 'xp-boost', purchaseId)).body.errorCode).toBe('purchase_id_taken');
      expect((await buy(first.token, 'golden-helmet', purchaseId)).body.errorCode).toBe('purchase_id_taken');
      expect((await buy(first.token, 'castle')).status).toBe(404);
      const body = { purchaseId: randomUUID(), item: 'xp-boost', price: 0 };
      expect((await sample.call('POST', '/shop/purchases', { token: first.token, body })).status).toBe(400);
      expect((await sample.call('GET', '/me', { token: second.token })).body.coins).toBe(500);
    });
  });

  describe('the session', () => {
    const refresh = (body: object) => sample.call('POST', '/auth/refresh', { body });
    const logout = (session: string) => sample.call('POST', '/auth/logout', { body: { session } });

    it('gives the same token while it is good, and a newer one to whom it was refused', async () => {
      const { session, token, generation } = await sample.signIn();
      expect((await refresh({ session })).body).toMatchObject({ token, generation });
      const newer = await refresh({ session, generation });
      expect(newer.body.generation).toBe(2);
      expect(newer.body.token).not.toBe(token);
      expect(newer.headers.get('cache-control')).toBe('no-store');
      expect((await sample.call('GET', '/me', { token: newer.body.token })).status).toBe(200);
    });

    it('refreshes once for many who were refused the same generation', async () => {
      const { session, generation } = await sample.signIn();
      const asked = sample.emulator.requestCount({ endpoint: 'token' });
      const answers = await Promise.all(Array.from({ length: 20 }, () => refresh({ session, generation })));
      expect(new Set(answers.map(({ body }) => `${body.generation} ${body.token}`)).size).toBe(1);
      expect(sample.emulator.requestCount({ endpoint: 'token' })).toBe(asked + 1);
    });

    it('is over at once after the sign-out, and signing out again is no error', async () => {
      const { session, generation, token } = await sample.signIn();
      expect((await sample.call('GET', '/me', { token })).status).toBe(200);
      expect((await logout(session)).status).toBe(204);
      expect((await sample.call('GET', '/me', { token })).body.errorCode).toBe('revoked_token');
      for (const body of [{ session }, { session, generation }]) {
        const answer = await refresh(body);
        expect(answer.status).toBe(401);
        expect(answer.body.errorCode).toBe('reauthentication_required');
      }
      expect((await logout(session)).status).toBe(204);
    });

    it('ends alone: the same player on another device plays on', async () => {
      const here = await sample.signIn();
      const there = (await sample.login(sample.emulator.issueCode({ userId: here.user.userId }))).body;
      expect((await sample.call('GET', '/me', { token: there.token })).body.id).toBe(here.user.id);
      await logout(here.session);
      expect((await refresh({ session: there.session })).status).toBe(200);
    });

    it.each(['made-up', '', '../../x', 'A'.repeat(1_024)])('cannot be made up: %#', async (session) => {
      const answer = await refresh({ session });
      expect(answer.status).toBe(401);
      expect(answer.body.errorCode).toBe('reauthentication_required');
      expect((await logout(session)).status).toBe(204);
    });

    it('is no bearer token', async () => {
      const { session } = await sample.signIn();
      expect((await sample.call('GET', '/me', { token: session })).status).toBe(401);
    });
  });

  describe('the job that brings profiles up to date', () => {
    const run = () => sample.app.get(ProfileSyncJob).run(0);
    const hideOtherPlayers = () => sample.app.get(DataSource).query(`UPDATE players SET provider = 'elsewhere'`);

    it('acts for a player whose token expired while they were away', async () => {
      await hideOtherPlayers();
      sample.emulator.setFault({ kind: 'status', status: 500, endpoint: 'userinfo' });
      const { token, user } = await sample.signIn({ name: 'Chloe Martin', countryCode: 'SE' });
      expect(user.displayName).toBeNull();
      sample.emulator.clearFaults();
      // A token whose account could not be asked for is left alone for a second.
      letPass(1_000);
      sample.emulator.revokeToken(token);
      // The first refusal of a token that was accepted before is not believed yet.
      expect(await run()).toEqual({ synced: 0, skipped: 0, postponed: 1 });
      letPass(2_000);
      expect(await run()).toEqual({ synced: 1, skipped: 0, postponed: 0 });
      const { token: fresh } = sample.emulator.issueTokens({ userId: user.userId });
      const { body } = await sample.call('GET', '/me', { token: fresh });
      expect(body).toMatchObject({ displayName: 'Chloe Martin', countryCode: 'SE' });
    });

    it('leaves out players who have signed out, and postpones all in an outage', async () => {
      await hideOtherPlayers();
      const gone = await sample.signIn();
      await sample.call('POST', '/auth/logout', { body: { session: gone.session } });
      expect(await run()).toEqual({ synced: 0, skipped: 1, postponed: 0 });
      await hideOtherPlayers();
      await sample.signIn({ name: 'One' });
      await sample.signIn({ name: 'Two' });
      sample.emulator.setFault({ kind: 'status', status: 500, endpoint: 'userinfo' });
      expect(await run()).toEqual({ synced: 0, skipped: 0, postponed: 2 });
      sample.emulator.clearFaults();
      letPass(1_000);
      expect(await run()).toEqual({ synced: 2, skipped: 0, postponed: 0 });
    });
  });
});
