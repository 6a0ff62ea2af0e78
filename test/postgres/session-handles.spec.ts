import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { TokenStoreWiring } from 'nestjs-nowgg-auth';
import { typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import type { DataSource } from 'typeorm';
import { EMULATED_CLIENT, GameWithRoutes } from '../support/game/game-with-routes.js';
import { captureSecurityEvents } from '../../libs/nowgg-auth/src/testing-support/security-events.js';
import { type PostgresCluster, serverPrograms, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

jest.setTimeout(60_000);

const INSTANCES = 3;

let cluster: PostgresCluster;
let url: string;
let emulator: NowggEmulator;
const dataSources: DataSource[] = [];
const games: GameWithRoutes[] = [];

beforeAll(async () => {
  cluster = await startPostgresCluster();
  url = await cluster.createDatabase();
  emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
  for (let index = 0; index < INSTANCES; index += 1) {
    const dataSource = await migratedDataSource(url);
    dataSources.push(dataSource);
    const tokenStore: TokenStoreWiring = {
      inject: [],
      create: (context) => typeOrmTokenStore().create(context, dataSource),
    };
    games.push(await GameWithRoutes.start(emulator, { tokenStore }));
  }
});

afterAll(async () => {
  for (const game of games) await game.close();
  await emulator.close();
  for (const dataSource of dataSources) await dataSource.destroy();
  await cluster.stop();
});

const at = (index: number) => games[index] as GameWithRoutes;

describe('a session handle over several instances on one PostgreSQL', () => {
  it('serves at each of them, and is refused at once by all when the grant is revoked at one', async () => {
    const { session } = await at(0).signIn();
    for (const game of games) expect((await game.post('refresh', { session })).status).toBe(200);
    expect((await at(1).post('logout', { session })).status).toBe(204);
    for (const game of games) {
      const refused = await game.post('refresh', { session });
      expect([refused.status, await refused.json()]).toEqual([
        401,
        expect.objectContaining({ errorCode: 'reauthentication_required' }),
      ]);
    }
  });

  it('is the same for 60 sign-ins with one code at all of them, and makes one grant', async () => {
    const { userId } = emulator.addPlayer();
    const code = emulator.issueCode({ userId });
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => (await at(index % INSTANCES).post('login', { code })).json()),
    );
    expect(new Set(answers.map((answer) => (answer as { session: string }).session)).size).toBe(1);
    const [{ grants }] = await (dataSources[0] as DataSource).query<[{ grants: number }]>(
      'SELECT count(*)::int AS grants FROM nowgg_grant WHERE user_id = $1',
      [userId],
    );
    expect(grants).toBe(1);
  });

  it('has one successor for all that use it at once, in one statement that loses no step', async () => {
    const { session: first, generation } = await at(0).signIn();
    const rounds = 8;
    let handle = first;
    for (let round = 0; round < rounds; round += 1) {
      // Half of them replace the token at the same time: neither write waits for a fence of the other.
      const uses = Array.from({ length: 24 }, async (_, index) => {
        const body = index % 2 === 0 ? { session: handle } : { session: handle, generation: generation + round };
        const answer = await at(index % INSTANCES).post('refresh', body);
        return [answer.status, ((await answer.json()) as { session: string }).session];
      });
      const answers = await Promise.all(uses);
      expect(new Set(answers.map(([status]) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(([, session]) => session)).size).toBe(1);
      handle = answers[0]?.[1] as string;
    }
    const rows = () =>
      (dataSources[0] as DataSource).query<object[]>(
        'SELECT handle_version, session_version, xmin FROM nowgg_grant ORDER BY created_at DESC LIMIT 1',
      );
    const [before] = await rows();
    expect(before).toMatchObject({ handle_version: rounds + 1, session_version: 1 });
    // Replays of a handle that is two or more behind read the row and write nothing.
    const replays = Array.from({ length: 50 }, async (_, index) =>
      (await at(index % INSTANCES).post('refresh', { session: first })).json(),
    );
    for (const replay of await Promise.all(replays)) expect(replay).toMatchObject({ errorCode: 'session_superseded' });
    expect(await rows()).toEqual([before]);
    expect((await at(1).post('refresh', { session: handle })).status).toBe(200);
  });

  it('of a thief ends the session everywhere once its player comes back two uses later', async () => {
    const { session: stolen, token } = await at(0).signIn();
    let thief = stolen;
    for (let use = 0; use < 2; use += 1) {
      thief = ((await (await at(1).post('refresh', { session: thief })).json()) as { session: string }).session;
    }
    const body = { session: stolen };
    expect(await (await at(2).post('refresh', body)).json()).toMatchObject({ errorCode: 'session_superseded' });
    expect((await at(1).post('refresh', { session: thief })).status).toBe(200);
    using events = captureSecurityEvents();
    // The player's client has read its storage again, and found nothing newer there.
    const last = await at(2).post('refresh', { ...body, reread: true });
    expect([last.status, await last.json()]).toEqual([
      401,
      expect.objectContaining({ errorCode: 'session_superseded' }),
    ]);
    expect(events.seen).toContainEqual({ type: 'session_superseded', provider: 'nowgg' });
    for (const game of games) expect((await game.post('refresh', { session: thief })).status).toBe(401);
    expect((await at(2).get('game', token)).status).toBe(401);
  });

  it('is not to be had from a dump of the database', async () => {
    const sessions = [];
    for (let index = 0; index < 10; index += 1) sessions.push((await at(0).signIn()).session);
    const dump = execFileSync(join(serverPrograms(), 'pg_dump'), ['--inserts', url], { encoding: 'utf8' });
    expect(dump.match(/INSERT INTO \S*nowgg_grant /g)?.length).toBeGreaterThanOrEqual(10);
    // No text of the dump serves as a handle, alone or in a likely form; the rows' ids are what comes nearest.
    const texts = new Set(dump.match(/[A-Za-z0-9_+/=.-]{16,}/g));
    for (const session of sessions) expect(texts).not.toContain(session);
    const ids = [...texts].filter((text) => /^[0-9a-f-]{36}$/.test(text)).slice(0, 20);
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) {
      for (const guess of [id, Buffer.from(id).toString('base64url'), `${id}.0`, `${id}.1`]) {
        expect([400, 401]).toContain((await at(0).post('refresh', { session: guess })).status);
      }
    }
  });
});
