import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { TokenStoreWiring } from 'nestjs-nowgg-auth';
import { typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import type { DataSource } from 'typeorm';
import { EMULATED_CLIENT, GameWithRoutes } from '../support/game/game-with-routes.js';
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
