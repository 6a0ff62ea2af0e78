import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { authgear } from 'nestjs-nowgg-auth/oauth2';
import { typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import type { DataSource } from 'typeorm';
import { Browser } from '../oauth2/support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from '../oauth2/support/identity-system.js';
import { authgearShape } from '../oauth2/support/shapes.js';
import { WebGame } from '../oauth2/support/web-game.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

jest.setTimeout(60_000);

const INSTANCES = 4;
const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };

let cluster: PostgresCluster;
let system: IdentitySystem;
const dataSources: DataSource[] = [];
/** Instances of one backend: a database and the keys are all that they share. */
const games: WebGame[] = [];

beforeAll(async () => {
  cluster = await startPostgresCluster();
  const url = await cluster.createDatabase();
  system = await IdentitySystem.start(authgearShape('opaque'));
  const encryptionKeys = [{ id: 'k1', key: randomBytes(32).toString('base64') }];
  for (let index = 0; index < INSTANCES; index += 1) {
    const dataSource = await migratedDataSource(url);
    dataSources.push(dataSource);
    const game = await WebGame.start([authgear({ endpoint: system.url, ...client })], {
      tokens: { encryptionKeys },
      tokenStore: { inject: [], create: (context) => typeOrmTokenStore().create(context, dataSource) },
    });
    games.push(game);
  }
});

afterAll(async () => {
  for (const game of games) await game[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
  for (const dataSource of dataSources) await dataSource.destroy();
  await cluster.stop();
});

const first = () => games[0] as WebGame;

describe('a browser sign-in over several instances on one PostgreSQL', () => {
  it('is finished by an instance that did not begin it', async () => {
    const browser = new Browser();
    const callback = await first().sendOut(browser);
    const signIn = await (games[1] as WebGame).finish(browser, callback);
    expect(signIn.principal.userId).toBe('player-1');
    expect(await first().tokens.getAccessToken(signIn.grant.id)).toEqual(signIn.accessToken);
  });

  it('serves once among 40 callbacks at all of them', async () => {
    const browser = new Browser();
    const callback = await first().sendOut(browser);
    const cookie = browser.cookies(REDIRECT_URI);
    const asked = system.seenAt('/oauth2/token').length;
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, async (_, index) =>
        (games[index % INSTANCES] as WebGame).authorization.callback('authgear', { url: callback, cookie }),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    for (const refusal of refusals) expect(refusal).toMatchObject({ status: 400, errorCode: 'invalid_request' });
    expect(system.seenAt('/oauth2/token')).toHaveLength(asked + 1);
  });
});
