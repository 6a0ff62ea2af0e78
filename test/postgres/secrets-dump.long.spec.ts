import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { TokenStoreWiring } from 'nestjs-nowgg-auth';
import { typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import type { DataSource } from 'typeorm';
import { AppUnderTest } from '../support/game/app-under-test.js';
import { ExchangeRoutes, vaultKeys } from '../support/game/exchange-routes.js';
import { shown } from '../support/seeded-secrets/planted.js';
import { PlantedCampaign } from '../support/seeded-secrets/planted-campaign.js';
import {
  databaseUser,
  type PostgresCluster,
  serverPrograms,
  startPostgresCluster,
} from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

// A cluster, and thousands of requests.
jest.setTimeout(300_000);

let cluster: PostgresCluster;
let dataSource: DataSource;
let url: string;
const logDirectory = mkdtempSync(join(tmpdir(), 'nowgg-postgres-log-'));

beforeAll(async () => {
  const owner = databaseUser();
  if (owner) chownSync(logDirectory, owner.uid, owner.gid);
  // Every statement with its parameters: what a curious operator could switch on.
  const log = { logging_collector: 'on', log_directory: logDirectory, log_statement: 'all' };
  cluster = await startPostgresCluster(log);
  url = await cluster.createDatabase();
  dataSource = await migratedDataSource(url);
});

afterAll(async () => {
  await dataSource.destroy();
  await cluster.stop();
  rmSync(logDirectory, { recursive: true, force: true });
});

describe('planted codes, tokens and refresh tokens in a run with faults', () => {
  it('stand neither in a dump of the database, nor in its log, nor in ours', async () => {
    const campaign = new PlantedCampaign();
    const tokenStore: TokenStoreWiring = {
      inject: [],
      create: (context) => typeOrmTokenStore().create(context, dataSource),
    };
    const keys = vaultKeys();
    await using app = await AppUnderTest.start('express', {
      controllers: [ExchangeRoutes],
      wiring: { tokenStore },
      // Breakdowns would pause the circuit; this run wants every one of them to arrive.
      options: { tokens: { encryptionKeys: keys }, verification: { circuit: false } },
    });
    app.peer.alwaysAnswer(campaign.answer);
    await campaign.attack(app, 150);

    const dump = execFileSync(join(serverPrograms(), 'pg_dump'), ['--inserts', url], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const serverLog = readdirSync(logDirectory)
      .map((name) => readFileSync(join(logDirectory, name), 'utf8'))
      .join('\n');
    expect(campaign.statuses.get(200)).toBeGreaterThan(150);
    expect(dump.match(/INSERT INTO \S*nowgg_grant /g)?.length).toBeGreaterThan(20);
    expect(serverLog).toMatch(/INSERT INTO|nowgg_exchange/i);

    const secrets = [...campaign.marks, app.clientSecret, ...keys.map(({ key }) => key)];
    const forms = secrets.flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('hex'),
      encodeURIComponent(secret),
    ]);
    const said = [...app.log, ...app.securityEvents.map(shown)].join('\n');
    for (const place of [dump, serverLog, said]) expect(forms.filter((form) => place.includes(form))).toEqual([]);
    expect(campaign.leaks).toEqual([]);
  });
});
