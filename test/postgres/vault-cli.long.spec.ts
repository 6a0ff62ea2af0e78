import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import { checkKeys } from '../../libs/nowgg-auth/src/tokens/vault/key-checks.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { typeOrmRevocationStore, typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { sealInFirstVersion } from '../../libs/nowgg-auth/src/tokens/testing-support/first-version.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { RING } from '../support/token-service/token-service.js';
import { type CommandOutcome, VaultCommand, vaultCommand } from '../support/processes/vault-command.js';
import { plantGrants } from '../support/vault-grants.js';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';

const OLD_RING = `k1:${RING[0].key}`;
const NEW_RING = `k2:${RING[1].key}, k1:${RING[0].key}`;
const SECRETS = [RING[0].key, RING[1].key, 'planted-password', 'planted-user', 'planted-value', 'player-'];

describe('nestjs-nowgg-auth vault', () => {
  let cluster: PostgresCluster;
  let url: string;
  let dataSource: DataSource;
  let store: TokenStore;
  let outcomes: CommandOutcome[];

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    url = await cluster.createDatabase();
    dataSource = await migratedDataSource(url);
    store = typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource);
  }, 60_000);
  beforeEach(async () => {
    outcomes = [];
    await dataSource.query('TRUNCATE nowgg_grant, nowgg_exchange, nowgg_key, nowgg_revocation');
    await checkKeys(store, new KeyRing([RING[0]]));
  });
  afterAll(async () => {
    await store.close();
    await dataSource.destroy();
    await cluster.stop();
    removeCompiled();
  }, 30_000);

  const run = async (args: string, variables: Record<string, string> = {}) => {
    const given = { DATABASE_URL: url, NOWGG_ENCRYPTION_KEYS: NEW_RING, ...variables };
    const outcome = await vaultCommand(args.split(' '), given);
    outcomes.push(outcome);
    return outcome;
  };
  const json = async (args: string, variables: Record<string, string> = {}) => {
    const { exitCode, stdout } = await run(`${args} --json`, variables);
    return { exitCode, ...(JSON.parse(stdout) as object) };
  };
  /** As a process does that has the new key in front. */
  const rollOut = () => checkKeys(store, new KeyRing([RING[1], RING[0]]));
  const count = async (table: string) => {
    const [row] = await dataSource.query<[{ count: number }]>(`SELECT count(*)::integer AS count FROM ${table}`);
    return row.count;
  };
  const expectNoSecrets = () => {
    const output = outcomes.map(({ stdout, stderr }) => stdout + stderr).join('');
    for (const secret of SECRETS) expect(output).not.toContain(secret);
  };

  it('status counts grants by state and key, and says which keys must stay', async () => {
    const [grantId] = await plantGrants(dataSource, RING[0], 3);
    await store.revokeGrant(grantId as string);
    expect(await json('vault status')).toEqual({
      exitCode: 0,
      command: 'status',
      grants: 3,
      byState: { active: 2, suspect: 0, needs_reauth: 0, revoked: 1 },
      byKeyId: { k1: 3 },
      firstVersionByKeyId: {},
      sessionsByKeyId: { k1: 2 },
      sessionsOfUnknownKey: 0,
      clients: [{ provider: 'nowgg', clientKey: 'client-key', grants: 2 }],
      exchanges: 0,
      sealingKeyId: 'k2',
      neededKeyIds: ['k1'],
      missingKeyIds: [],
      removableKeyIds: [],
    });
    const { stdout } = await run('vault status', { NOWGG_ENCRYPTION_KEYS: '' });
    expect(stdout).toMatch(/^grants +3\n.*active +2\n[^]*under k1 +3\n[^]*keys that are needed +k1\n$/);
    expectNoSecrets();
  });

  it('rotate seals everything anew, says how far it is, and lets the old key go', async () => {
    await plantGrants(dataSource, RING[0], 40);
    await rollOut();
    expect(await json('vault rotate --dry-run')).toMatchObject({ exitCode: 0, dryRun: true, resealed: 40 });
    expect(await json('vault status')).toMatchObject({ byKeyId: { k1: 40 } });
    const { exitCode, stdout, stderr } = await run('vault rotate --batch-size 10 --json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      command: 'rotate',
      dryRun: false,
      resealed: 40,
      unreadable: 0,
      complete: true,
      sessionsUnderOtherKeys: 40,
      interrupted: false,
      seconds: expect.any(Number),
      rowsPerSecond: expect.any(Number),
    });
    expect(stderr).toMatch(/^\{"progress":\{"command":"rotate","done":10,"total":40\}\}\n/);
    expect(await json('vault status')).toMatchObject({ neededKeyIds: ['k1', 'k2'], removableKeyIds: [] });
    expect((await run('vault rotate')).stdout).toMatch(
      /^encrypted 0 grants under 'k2'[^]*complete[^]*\n40 sessions under/,
    );
    // The players have come back and presented handles of the new key.
    await dataSource.query("UPDATE nowgg_grant SET handle_key_id = 'k2'");
    expect(await json('vault status')).toMatchObject({ neededKeyIds: ['k2'], removableKeyIds: ['k1'] });
    expect((await run('vault rotate')).stdout).toMatch(/complete: the other keys may leave the ring\n$/);
    expectNoSecrets();
  });

  it('status counts the first version, which rotate seals anew unless it is told that it is closed', async () => {
    const [id = ''] = await plantGrants(dataSource, RING[0], 2);
    const sealed = (purpose: 'access' | 'refresh') =>
      sealInFirstVersion(RING[0], purpose, { purpose, id, clientKey: 'client-key', generation: 1 });
    const columns = [id, sealed('access'), sealed('refresh')];
    await dataSource.query('UPDATE nowgg_grant SET access_ct = $2, refresh_ct = $3 WHERE id = $1', columns);
    const old = { NOWGG_ENCRYPTION_KEYS: OLD_RING };
    expect((await run('vault status', old)).stdout).toMatch(/\nin the first version +1\n/);
    const closed = await run('vault rotate --json --new-key --close-first-version', old);
    expect(JSON.parse(closed.stdout)).toMatchObject({ resealed: 0, unreadable: 1, complete: false });
    const open = await run('vault rotate --json --new-key', old);
    expect(JSON.parse(open.stdout)).toMatchObject({ resealed: 1, unreadable: 0, complete: true });
  });

  it('adopt gives the grants of one client to another, in batches, and end ends those of a client', async () => {
    const [from, to] = ['f'.repeat(43), 't'.repeat(43)];
    await plantGrants(dataSource, RING[0], 25, { clientKey: from });
    await plantGrants(dataSource, RING[0], 3);
    expect((await run('vault status')).stdout).toContain(`live grants of nowgg client ${from}  25`);
    const adopt = `vault adopt --from ${from} --to ${to}`;
    expect((await run(`${adopt} --dry-run`)).stdout).toBe('would adopt 25 grants; nothing was changed\n');
    const lacking = { NOWGG_ENCRYPTION_KEYS: '' };
    expect(await run(adopt, lacking)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('keys of the ring'),
    });
    const ring = { NOWGG_ENCRYPTION_KEYS: OLD_RING };
    const { exitCode, stdout, stderr } = await run(`${adopt} --batch-size 10 --json`, ring);
    expect({ exitCode, ...JSON.parse(stdout) }).toEqual({
      exitCode: 0,
      command: 'adopt',
      dryRun: false,
      adopted: 25,
      unreadable: 0,
      complete: true,
      interrupted: false,
    });
    expect(stderr).toMatch(/^\{"progress":\{"command":"adopt","done":10,"total":25\}\}\n/);
    expect((await run('vault status')).stdout).toMatch(new RegExp(`client ${from} +0 +adopted by ${to}`));
    const end = `vault end --client ${to} --batch-size 10`;
    expect(await run(end)).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('Add --yes to end') });
    expect((await run(`${end} --yes --provider other`)).stdout).toMatch(/^ended 0 grants/);
    expect((await run(`${end} --yes`)).stdout).toBe('ended 25 grants: their players have to sign in again\n');
    expect(await json('vault status')).toMatchObject({ byState: { active: 3, revoked: 25 } });
    expectNoSecrets();
  });

  it('retry restores grants that ended by evidence, in batches, and no others', async () => {
    await plantGrants(dataSource, RING[0], 28);
    await dataSource.query(
      `UPDATE nowgg_grant SET state = 'needs_reauth', fail_confirmed_at = CASE WHEN n > 3 THEN now() END
       FROM (SELECT id AS ended, row_number() OVER () AS n FROM nowgg_grant) AS numbered WHERE id = ended`,
    );
    expect((await run('vault retry --dry-run')).stdout).toBe('would restore 25 grants; nothing was changed\n');
    const { exitCode, stdout, stderr } = await run('vault retry --batch-size 10 --json');
    expect({ exitCode, ...JSON.parse(stdout) }).toEqual({
      exitCode: 0,
      command: 'retry',
      dryRun: false,
      grants: 25,
      interrupted: false,
    });
    expect(stderr).toMatch(/^\{"progress":\{"command":"retry","done":10,"total":25\}\}\n/);
    expect(await json('vault status')).toMatchObject({ byState: { suspect: 25, needs_reauth: 3 } });
    expect((await run('vault retry')).stdout).toBe('restored 0 grants\n');
    expectNoSecrets();
  });

  it('rotate does not seal under a key that no process has started with', async () => {
    await plantGrants(dataSource, RING[0], 3);
    const refused = await run('vault rotate');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining("started with 'k2'") });
    expect(await json('vault rotate --new-key')).toMatchObject({ exitCode: 0, resealed: 3, complete: true });
  });

  it('rotate changes nothing with a ring that lacks a key or has another one under its id', async () => {
    await plantGrants(dataSource, RING[0], 3);
    await rollOut();
    const lacking = await run('vault rotate', { NOWGG_ENCRYPTION_KEYS: `k2:${RING[1].key}` });
    expect(lacking).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("the key 'k1' is missing") });
    const other = await run('vault rotate --json', {
      NOWGG_ENCRYPTION_KEYS: `k2:${strongKey(12)},${OLD_RING}`,
    });
    expect(other.exitCode).toBe(1);
    expect(JSON.parse(other.stderr)).toEqual({ error: expect.stringContaining("the key 'k2' is not the one") });
    const twice = await run('vault rotate', { NOWGG_ENCRYPTION_KEYS: `k2:${RING[0].key},${OLD_RING}` });
    expect(twice).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('one key under two ids') });
    expect(await json('vault status')).toMatchObject({ byKeyId: { k1: 3 } });
    expectNoSecrets();
  });

  it('rotate tells of grants that no key opens, and is not complete then', async () => {
    await plantGrants(dataSource, { id: 'k9', key: strongKey(9) }, 2);
    await plantGrants(dataSource, RING[0], 3);
    await rollOut();
    expect(await json('vault rotate')).toMatchObject({ exitCode: 1, resealed: 3, unreadable: 2, complete: false });
  });

  it('rotate stops after its batch at Ctrl-C, which npx repeats, and the same command goes on', async () => {
    await plantGrants(dataSource, RING[0], 3_000);
    await rollOut();
    const command = new VaultCommand(['vault', 'rotate', '--json', '--batch-size', '1'], {
      DATABASE_URL: url,
      NOWGG_ENCRYPTION_KEYS: NEW_RING,
    });
    await command.underWay();
    command.kill('SIGINT');
    command.kill('SIGINT');
    const { exitCode, stdout } = await command.ended;
    const { resealed, ...rest } = JSON.parse(stdout) as { resealed: number };
    expect({ exitCode, ...rest }).toMatchObject({ exitCode: 1, interrupted: true, complete: false });
    expect(resealed).toBeGreaterThan(0);
    expect(resealed).toBeLessThan(3_000);
    expect(await json('vault rotate')).toMatchObject({ exitCode: 0, resealed: 3_000 - resealed, complete: true });
  });

  it('sweep deletes what has been over for long, and spent revocations, and only counts in a dry run', async () => {
    const [ended] = await plantGrants(dataSource, RING[0], 5);
    await store.revokeGrant(ended as string);
    await store.claimExchange({ codeHash: 'old', owner: randomUUID(), leaseMs: 1 });
    const revocations = typeOrmRevocationStore({ notify: false, poolSize: 0 }).create(
      { clock: new SystemClock() },
      dataSource,
    );
    const now = Date.now();
    const mark = { provider: 'nowgg', kind: 'user', issuedUntilMs: undefined, refusedUntilMs: undefined } as const;
    await revocations.put({ ...mark, id: 'signed-out-long-ago', issuedUntilMs: now - 40 * 86_400_000 });
    await revocations.put({ ...mark, id: 'signed-out', issuedUntilMs: now - 20 * 86_400_000 });
    await revocations.put({ ...mark, id: 'banned', refusedUntilMs: now + 60_000 });
    await revocations.put({ ...mark, id: 'lifted', refusedUntilMs: now + 60_000 });
    await revocations.restore({ ...mark, id: 'lifted' });
    const nothing = { grants: 0, exchanges: 0, revocations: 0 };
    expect(await json('vault sweep')).toMatchObject({ exitCode: 0, ...nothing });
    await dataSource.query(`UPDATE nowgg_grant SET updated_at = updated_at - interval '31 days'`);
    await dataSource.query(`UPDATE nowgg_exchange SET created_at = created_at - interval '2 days'`);
    await dataSource.query(`UPDATE nowgg_revocation SET changed_at = changed_at - interval '31 days'`);
    const found = { grants: 1, exchanges: 1, revocations: 2 };
    expect(await json('vault sweep --dry-run')).toMatchObject({ dryRun: true, ...found });
    expect(await json('vault sweep --ended 32 --codes 3 --revocations 32')).toMatchObject(nothing);
    expect((await run('vault sweep')).stdout).toBe('deleted 1 grant, 1 claimed code, 2 spent revocations\n');
    expect([await count('nowgg_grant'), await count('nowgg_exchange')]).toEqual([4, 0]);
    const left = (await dataSource.query('SELECT subject_id FROM nowgg_revocation ORDER BY 1')) as object[];
    expect(left).toEqual([{ subject_id: 'banned' }, { subject_id: 'signed-out' }]);
  });

  it('forget deletes the grants of one user, when told that it is meant', async () => {
    await plantGrants(dataSource, RING[0], 2, { userId: 'player-7' });
    await plantGrants(dataSource, RING[0], 1, { userId: 'player-7', provider: 'other' });
    await plantGrants(dataSource, RING[0], 1, { userId: 'player-8' });
    const asked = await run('vault forget player-7');
    expect(asked).toMatchObject({ exitCode: 2, stdout: expect.stringMatching(/^would delete 2 grants.*--yes/) });
    expect(await json('vault forget player-7 --dry-run')).toMatchObject({ exitCode: 0, dryRun: true, grants: 2 });
    expect(await count('nowgg_grant')).toBe(4);
    expect(await json('vault forget player-7 --yes')).toMatchObject({ exitCode: 0, dryRun: false, grants: 2 });
    expect(await json('vault forget player-7 --yes')).toMatchObject({ exitCode: 0, grants: 0 });
    expect(await json('vault forget --yes --provider other player-7')).toMatchObject({ grants: 1, provider: 'other' });
    expect([await count('nowgg_grant'), await count('nowgg_revocation')]).toEqual([1, 0]);
    expectNoSecrets();
  });

  it('forget refuses the tokens that are out as well, when asked to', async () => {
    await plantGrants(dataSource, RING[0], 1, { userId: '-player' });
    expect(await json('vault forget --sign-out --dry-run player-7')).toMatchObject({ signedOut: false });
    const { stdout } = await vaultCommand(['vault', 'forget', '--sign-out', '--yes', '--', '-player'], {
      DATABASE_URL: url,
    });
    expect(stdout).toMatch(/^deleted 1 grant of this user at 'nowgg'\naccess tokens that are already out are refused/);
    const watermarks = `SELECT provider, kind, subject_id, issued_until > now() AS "isAhead" FROM nowgg_revocation`;
    expect(await dataSource.query(watermarks)).toEqual([
      { provider: 'nowgg', kind: 'user', subject_id: '-player', isAhead: true },
    ]);
  });

  it.each([
    ['vault status --database-url-env postgres://u:planted-password@db/x', 2, 'the name of an environment variable'],
    ['vault status --schema elsewhere', 1, 'run nowggMigrations'],
    ['vault status --database-url-env OTHER', 1, 'there is no database of this name'],
  ])('%s ends with exit code %i and says what is wrong', async (args, exitCode, problem) => {
    const outcome = await run(`${args} --json`, { OTHER: `${url}-planted-value` });
    expect(outcome).toMatchObject({ exitCode, stdout: '' });
    expect(JSON.parse(outcome.stderr)).toEqual({ error: expect.stringContaining(problem) });
    expectNoSecrets();
  });
});
