import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { FatalWelcomeProxy } from '../support/servers/fatal-welcome-proxy.js';
import { TokenSuite } from '../support/token-service/token-suite.js';

describe('a connection that the database ends while it is being opened', () => {
  let suite: TokenSuite;
  let proxy: FatalWelcomeProxy;

  beforeAll(async () => {
    suite = await TokenSuite.start();
    proxy = await FatalWelcomeProxy.start(suite.cluster.port);
  }, 60_000);
  afterAll(async () => {
    await proxy.stop();
    await suite.stop();
  }, 30_000);

  it('does not end the process, which may hold the only copy of a token set', async () => {
    const grantIds = await suite.manySignedInLongAgo(3);
    const url = suite.url.replace(String(suite.cluster.port), String(proxy.port));
    const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
    const store = typeOrmTokenStore({ poolSize: 2 }).create({ clock: new SystemClock() }, dataSource);
    const find = async (grantId: string) => store.findGrant(grantId);
    await find(grantIds[0] as string);
    proxy.arm();
    // Three statements at once need a second connection.
    await Promise.allSettled(grantIds.map(find));
    expect(proxy.welcomed).toBe(1);
    expect(await find(grantIds[1] as string)).toMatchObject({ state: 'active' });
    await store.close();
    await dataSource.destroy();
  });

  it('does not end the process either when it is among the first of the pool', async () => {
    const [grantId = ''] = await suite.manySignedInLongAgo(1);
    const url = suite.url.replace(String(suite.cluster.port), String(proxy.port));
    const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
    for (const connections of [1, 2, 3, 4, 5]) {
      const store = typeOrmTokenStore({ poolSize: 2 }).create({ clock: new SystemClock() }, dataSource);
      const welcomedBefore = proxy.welcomed;
      proxy.arm(connections);
      while (proxy.welcomed < welcomedBefore + connections) await Promise.allSettled([store.findGrant(grantId)]);
      expect(await store.findGrant(grantId)).toMatchObject({ state: 'active' });
      await store.close();
    }
    await dataSource.destroy();
  });
});
