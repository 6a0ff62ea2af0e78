import { startEmbeddedPostgres } from '../../apps/sample/src/embedded/embedded-postgres.js';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { ageRows, migratedDataSource } from '../support/token-service/migrated-database.js';
import { describeTokenStore } from './token-store-contract.js';

describeTokenStore('embedded PostgreSQL with one connection', async () => {
  const embedded = await startEmbeddedPostgres(undefined);
  const dataSource = await migratedDataSource(embedded.config.url, 1);
  return {
    store: typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource),
    pass: (ms) => ageRows(dataSource, ms),
    dispose: async () => {
      await dataSource.destroy();
      await embedded.close();
    },
  };
});
