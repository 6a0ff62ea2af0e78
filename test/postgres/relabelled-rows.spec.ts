import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NowggConfigurationError } from '../../libs/nowgg-auth/src/errors.js';
import type { NowggTokenService } from '../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import { NowggVaultService } from '../../libs/nowgg-auth/src/tokens/upkeep/nowgg-vault-service.js';
import { sealInFirstVersion } from '../../libs/nowgg-auth/src/tokens/testing-support/first-version.js';
import { useSecurityEvents } from '../support/security-events.js';
import { SHORT_DURATIONS, RING } from '../support/token-service/token-service.js';
import { TokenSuite } from '../support/token-service/token-suite.js';

let suite: TokenSuite;
const events = useSecurityEvents();
/** A process that has never seen the rows in question. */
let stranger: NowggTokenService;

beforeAll(async () => {
  suite = await TokenSuite.start();
}, 60_000);
afterAll(() => suite.stop(), 30_000);
beforeEach(() => {
  stranger = suite.serviceWith(SHORT_DURATIONS);
});

const signIn = (userId: string, service: NowggTokenService = suite.service) => service.exchangeCode(suite.code(userId));
const sql = (statement: string, ...parameters: unknown[]) => suite.dataSource.query(statement, parameters);
const rowOf = async (id: string) => (await sql('SELECT * FROM nowgg_grant WHERE id = $1', id)) as object[];

describe('a row that a database writer has relabelled', () => {
  it.each([
    ['user', "user_id = 'attacker'"],
    ['session version, upwards', 'session_version = session_version + 1'],
    ['session version, downwards', 'session_version = session_version - 1'],
    ['generation', 'generation = generation + 1'],
  ])('hands out no token, tells an event, and stays as it is: %s', async (_what, change) => {
    const { grant } = await signIn('victim');
    await sql(`UPDATE nowgg_grant SET ${change} WHERE id = $1`, grant.id);
    const before = await rowOf(grant.id);
    await expect(stranger.getAccessToken(grant.id)).rejects.toThrow(NowggConfigurationError);
    expect(events.take()).toEqual(['relabelled_row']);
    await expect(stranger.refresh(grant.id)).rejects.toThrow(NowggConfigurationError);
    expect(suite.refreshes).toBe(0);
    expect(await rowOf(grant.id)).toMatchObject(before.map((row) => ({ ...row, ...LEASE_COLUMNS })));
  });

  it.each([
    ['provider', { provider: 'other' }],
    ['client', { clientId: 'title-b' }],
  ])('hands out no token to whom it was moved to: %s', async (_what, owner) => {
    const { grant } = await signIn('victim');
    const { name, clientKey } = suite.provider(owner);
    await sql('UPDATE nowgg_grant SET provider = $2, client_key = $3 WHERE id = $1', grant.id, name, clientKey);
    const other = suite.serviceOf(owner);
    await expect(other.getAccessToken(grant.id)).rejects.toThrow(NowggConfigurationError);
    expect(events.take()).toEqual(['relabelled_row']);
  });

  it('names no other user to who presents its session handle', async () => {
    const { grant, session } = await signIn('attacker');
    await sql("UPDATE nowgg_grant SET user_id = 'victim' WHERE id = $1", grant.id);
    await expect(stranger.sessionGrant(session)).rejects.toThrow(NowggConfigurationError);
    await expect(stranger.openSession(session)).rejects.toThrow(NowggConfigurationError);
    expect(events.take()).toEqual(['relabelled_row', 'relabelled_row']);
  });

  it("is not among the other user's grants", async () => {
    const [user, other] = [`player-${randomUUID()}`, `player-${randomUUID()}`];
    const { grant } = await signIn(user);
    const { grant: own } = await signIn(other);
    await sql('UPDATE nowgg_grant SET user_id = $2 WHERE id = $1', grant.id, other);
    expect((await stranger.listGrants(other)).map(({ id }) => id)).toEqual([own.id]);
    expect(events.take()).toEqual(['relabelled_row']);
  });

  it.each(['access_ct', 'refresh_ct'])("does not open with another row's %s", async (column) => {
    const [{ grant: one }, { grant: two }] = [await signIn('player-1'), await signIn('player-1')];
    await sql(
      `UPDATE nowgg_grant g SET ${column} = o.${column} FROM nowgg_grant o WHERE g.id = $1 AND o.id = $2`,
      one.id,
      two.id,
    );
    const opening = column === 'access_ct' ? stranger.getAccessToken(one.id) : stranger.refresh(one.id);
    await expect(opening).rejects.toThrow(NowggConfigurationError);
    expect(events.take()).toEqual(['relabelled_row']);
  });

  it('does not open with its two ciphertexts swapped', async () => {
    const { grant } = await signIn('player-1');
    await sql('UPDATE nowgg_grant SET access_ct = refresh_ct, refresh_ct = access_ct WHERE id = $1', grant.id);
    await expect(stranger.getAccessToken(grant.id)).rejects.toThrow(NowggConfigurationError);
  });
});

describe('tokens that an earlier build sealed', () => {
  const sealedBefore = async (): Promise<string> => {
    const { grant } = await signIn('player-1');
    const { clientKey, generation } = await suite.grant(grant.id);
    const sealed = (purpose: 'access' | 'refresh', text: string) =>
      sealInFirstVersion(RING[0], text, { purpose, id: grant.id, clientKey, generation });
    const refreshToken = suite.refreshToken('player-1');
    await sql(
      'UPDATE nowgg_grant SET access_ct = $2, refresh_ct = $3 WHERE id = $1',
      grant.id,
      sealed('access', `access-${grant.id}`),
      sealed('refresh', refreshToken),
    );
    return grant.id;
  };
  const vault = () =>
    new NowggVaultService({
      store: suite.store,
      identityProviders: { getOrOnly: () => ({ name: 'nowgg' }) },
      encryptionKeys: [RING[0]],
    });
  const versionOf = async (id: string) => (await suite.grant(id)).accessCiphertext[0];

  it('open until a refresh has sealed them anew', async () => {
    const id = await sealedBefore();
    expect((await stranger.getAccessToken(id)).token).toBe(`access-${id}`);
    expect(await versionOf(id)).toBe(1);
    await stranger.refresh(id);
    expect(await versionOf(id)).toBe(2);
  });

  it('are counted, and sealed anew by a rotation under the same first key', async () => {
    const ids = [await sealedBefore(), await sealedBefore()];
    expect((await vault().status()).firstVersionByKeyId).toEqual({ k1: 2 });
    expect(await vault().rotate({ dryRun: true })).toMatchObject({ resealed: 2, complete: false });
    expect(await vault().rotate()).toMatchObject({ resealed: 2, unreadable: 0, complete: true });
    expect((await vault().status()).firstVersionByKeyId).toEqual({});
    for (const id of ids) expect((await stranger.getAccessToken(id)).token).toBe(`access-${id}`);
    expect(events.take()).toEqual([]);
  });

  it('can be closed, and then neither open nor get a new label from a rotation', async () => {
    const id = await sealedBefore();
    const closed = suite.serviceWith({ ...SHORT_DURATIONS, openFirstVersion: false });
    await closed.onApplicationBootstrap();
    await expect(closed.getAccessToken(id)).rejects.toThrow(NowggConfigurationError);
    const closedVault = new NowggVaultService({
      store: suite.store,
      identityProviders: { getOrOnly: () => ({ name: 'nowgg' }) },
      encryptionKeys: [RING[0]],
      openFirstVersion: false,
    });
    expect(await closedVault.rotate()).toMatchObject({ resealed: 0, unreadable: 1, complete: false });
    expect((await stranger.getAccessToken(id)).token).toBe(`access-${id}`);
  });
});

/** Written by the attempt that found the ciphertext unreadable. */
const LEASE_COLUMNS = { updated_at: expect.anything(), next_attempt_at: expect.anything() };
