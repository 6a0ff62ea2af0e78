import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { describeTokenStore } from '../contracts/token-store-contract.js';
import { startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { ageRows, migratedDataSource } from '../support/token-service/migrated-database.js';

describeTokenStore('PostgreSQL through TypeORM', async () => {
  const cluster = await startPostgresCluster();
  const dataSource = await migratedDataSource(await cluster.createDatabase());
  const store = typeOrmTokenStore({ poolSize: 10 }).create({ clock: new SystemClock() }, dataSource);
  return {
    store,
    pass: (ms) => ageRows(dataSource, ms),
    dispose: async () => {
      await store.close();
      await dataSource.destroy();
      await cluster.stop();
    },
  };
});
