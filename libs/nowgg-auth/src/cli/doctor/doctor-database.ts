import type { NowggClock } from '../../clock.js';
import { NowggConfigurationError } from '../../errors.js';
import type { EncryptionKey } from '../../options/options.js';
import { NowggVaultService } from '../../tokens/upkeep/nowgg-vault-service.js';
import { CommandProblem } from '../command/command-problem.js';
import { connectVault, type VaultConnection } from '../command/vault-connection.js';
import { type Finding, findingsOf } from './doctor-finding.js';

const OLDEST_VERSION = 130_000;
const MOST_CONNECTIONS = 0.8;

const { ok, warning, failed, skipped } = findingsOf('database');

/** Reads what the database says of itself and of our tables. Changes nothing. */
export async function checkDatabase(
  url: string,
  schema: string | undefined,
  encryptionKeys: readonly EncryptionKey[],
  clock: NowggClock,
): Promise<readonly Finding[]> {
  let connection: VaultConnection;
  const startedAtMs = clock.monotonicNow();
  try {
    connection = await connectVault(url, schema, clock);
  } catch (error) {
    if (!(error instanceof CommandProblem)) throw error;
    return [failed('connection', error.message, 'check DATABASE_URL, the network and the role')];
  }
  try {
    const connected = ok('connection', `connected in ${Math.round(clock.monotonicNow() - startedAtMs)} ms`);
    const findings = [connected, await guarded('version', () => checkVersion(connection))];
    const tables = await guarded('schema', () => checkSchema(connection));
    findings.push(tables, await guarded('connections', () => checkConnections(connection)));
    if (tables.status !== 'ok') return findings;
    findings.push(
      await guarded('migrations', () => checkMigrations(connection)),
      await guarded('indexes', () => checkIndexes(connection)),
      await guarded('keys', () => checkKeys(connection, encryptionKeys)),
    );
    return findings;
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** A check that fails on its own says so by its name: errors of the driver quote statements. */
async function guarded(check: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch {
    return failed(
      check,
      'the database did not answer, or refused',
      'check the rights of the role and the log of the database',
    );
  }
}

async function checkVersion({ query }: VaultConnection): Promise<Finding> {
  const [row] = await query<{ version: number }>(`SELECT current_setting('server_version_num')::integer AS version`);
  const version = row?.version ?? 0;
  const name = `PostgreSQL ${Math.floor(version / 10_000)}.${version % 10_000}`;
  return version < OLDEST_VERSION
    ? failed('version', `${name} is too old`, 'use PostgreSQL 13 or later')
    : ok('version', name);
}

async function checkSchema({ store, revocationStore }: VaultConnection): Promise<Finding> {
  try {
    await Promise.all([store.checkSchema(), revocationStore.checkSchema()]);
    return ok('schema', 'tables, columns, triggers and rights are as this release needs them');
  } catch (error) {
    if (!(error instanceof NowggConfigurationError)) throw error;
    return failed('schema', error.message, 'see docs/upgrading.md');
  }
}

async function checkConnections({ query }: VaultConnection): Promise<Finding> {
  const [row] = await query<{ used: number; most: number }>(
    `SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::integer AS used,
      current_setting('max_connections')::integer AS most`,
  );
  const { used = 0, most = 1 } = row ?? {};
  const message = `${used} of ${most} connections are in use`;
  return used > most * MOST_CONNECTIONS
    ? warning('connections', message, 'count poolSize + 5 for each process, and raise max_connections or use PgBouncer')
    : ok('connections', message);
}

async function checkMigrations({ query, migrationNames }: VaultConnection): Promise<Finding> {
  const [table] = await query<{ exists: boolean }>(`SELECT to_regclass('migrations') IS NOT NULL AS exists`);
  if (!table?.exists) return skipped('migrations', 'there is no table named migrations: they were run in another way');
  const done = await query<{ name: string }>('SELECT name FROM migrations WHERE name = ANY($1)', [migrationNames]);
  const missing = migrationNames.filter((name) => !done.some((each) => each.name === name));
  return missing.length === 0
    ? ok('migrations', `all ${migrationNames.length} are done`)
    : failed('migrations', `not done: ${missing.join(', ')}`, 'run nowggMigrations');
}

async function checkIndexes({ query }: VaultConnection): Promise<Finding> {
  const invalid = await query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     JOIN pg_class t ON t.oid = i.indrelid WHERE NOT i.indisvalid AND t.relname LIKE 'nowgg\\_%' ORDER BY 1`,
  );
  return invalid.length === 0
    ? ok('indexes', 'every index is valid')
    : failed('indexes', `not valid: ${invalid.map(({ name }) => name).join(', ')}`, 'REINDEX INDEX CONCURRENTLY each');
}

async function checkKeys(
  { store, revocationStore, query }: VaultConnection,
  ring: readonly EncryptionKey[],
): Promise<Finding> {
  const identityProviders = { getOrOnly: (name = 'nowgg') => ({ name }) };
  const vault = new NowggVaultService({ store, revocationStore, identityProviders, encryptionKeys: [...ring] });
  const { neededKeyIds, byKeyId } = await vault.status();
  const ages = await query<{ id: string; days: number }>(
    `SELECT key_id AS id, floor(extract(epoch FROM now() - created_at) / 86400)::integer AS days FROM nowgg_key
     ORDER BY key_id LIMIT 100`,
  );
  const about = Object.entries(byKeyId).map(([id, grants]) => {
    const age = ages.find((each) => each.id === id);
    return `${id}: grants ${grants}${age ? `, first used ${age.days} days ago` : ''}`;
  });
  if (ring.length === 0) {
    return skipped(
      'keys',
      `keys in use: ${neededKeyIds.join(', ') || 'none'}`,
      'set NOWGG_ENCRYPTION_KEYS to compare them',
    );
  }
  const missing = neededKeyIds.filter((id) => !ring.some((key) => key.id === id));
  if (missing.length > 0) {
    return failed('keys', `not in the ring: ${missing.join(', ')}`, 'add them: grants under them cannot be read');
  }
  return ok('keys', `every key in use is in the ring (${about.join('; ') || 'no grants yet'})`);
}
