import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NowggLog } from '../../libs/nowgg-auth/src/events/nowgg-log.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import type { NowggTokenService } from '../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import { NowggVaultService } from '../../libs/nowgg-auth/src/tokens/upkeep/nowgg-vault-service.js';
import { ManualClock } from '../../libs/nowgg-auth/src/testing-support/manual-clock.js';
import { useSecurityEvents } from '../support/security-events.js';
import { RING } from '../support/token-service/token-service.js';
import { TokenSuite } from '../support/token-service/token-suite.js';

let suite: TokenSuite;
/** The address of the same now.gg under another name, as after a change of `baseUrl`. */
let nowggUrl: string;
const events = useSecurityEvents();

beforeAll(async () => {
  suite = await TokenSuite.start();
  nowggUrl = suite.nowgg.url.replace('127.0.0.1', 'localhost');
}, 60_000);
afterAll(() => suite.stop(), 30_000);

describe('an application whose baseUrl or client id was changed on the same database', () => {
  let moved: NowggTokenService;
  let vault: NowggVaultService;
  let former: string;
  let session: string;
  let grantId: string;

  beforeEach(async () => {
    await suite.dataSource.query('TRUNCATE nowgg_grant, nowgg_exchange, nowgg_client_adoption');
    const exchanged = await suite.service.exchangeCode(suite.code(`player-${randomUUID()}`));
    ({ session } = exchanged);
    grantId = exchanged.grant.id;
    moved = suite.serviceOf({ nowggUrl });
    former = suite.provider().clientKey;
    const identityProviders = new IdentityProviders([suite.provider({ nowggUrl })]);
    vault = new NowggVaultService({ store: suite.store, identityProviders, encryptionKeys: [RING[0]] });
  });
  const unavailable = { status: 503, errorCode: 'identity_unavailable' };

  it('ends no session that it meets, at a refresh or at a sign-out, and goes on with its own', async () => {
    await expect(moved.openSession(session)).rejects.toMatchObject(unavailable);
    await expect(moved.revokeSession(session)).rejects.toMatchObject(unavailable);
    await expect(moved.getAccessToken(grantId)).rejects.toMatchObject(unavailable);
    expect(new Set(events.take())).toEqual(new Set(['grant_of_another_client']));
    expect((await suite.grant(grantId)).state).toBe('active');
    const own = await moved.exchangeCode(suite.code('player-new'));
    expect((await moved.openSession(own.session)).grant.id).toBe(own.grant.id);
    // The mistake is corrected: the session is as it was.
    expect((await suite.service.openSession(session)).grant.id).toBe(grantId);
  });

  it('writes one line that names both clients and what to do', async () => {
    const lines: string[] = [];
    const log = new NowggLog(new ManualClock(), {
      log: () => undefined,
      warn: (line: string) => lines.push(line),
      error: () => undefined,
    });
    log.onModuleInit();
    for (let calls = 0; calls < 3; calls += 1) await moved.openSession(session).catch(() => undefined);
    log.onApplicationShutdown();
    events.take();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`client ${former}`);
    expect(lines[0]).toContain(`client ${suite.provider({ nowggUrl }).clientKey}`);
    expect(lines[0]).toMatch(/check clientId and baseUrl.*vault adopt or vault end.*provider nowgg/);
  });

  it('shows such grants by client', async () => {
    await moved.exchangeCode(suite.code('player-new'));
    const { clients } = await vault.status();
    expect(clients).toHaveLength(2);
    expect(clients).toContainEqual({ provider: 'nowgg', clientKey: former, grants: 1 });
  });

  it('adopts them: session handles stay good and are renewed, and the next token is a new one', async () => {
    expect(await vault.adopt({ from: former, dryRun: true })).toMatchObject({ adopted: 1 });
    expect(await vault.adopt({ from: former })).toEqual({ adopted: 1, unreadable: 0, complete: true });
    const opened = await moved.openSession(session);
    expect([opened.grant.id, opened.session === session]).toEqual([grantId, false]);
    expect((await moved.openSession(opened.session)).grant.id).toBe(grantId);
    const before = suite.refreshes;
    expect((await moved.getAccessToken(grantId)).generation).toBe(3);
    expect(suite.refreshes - before).toBe(1);
    expect(await vault.adopt({ from: former })).toEqual({ adopted: 0, unreadable: 0, complete: true });
    // The application of before meets a session that is not its own any more.
    await expect(suite.service.openSession(session)).rejects.toMatchObject(unavailable);
    expect(events.take()).toEqual(['grant_of_another_client']);
  });

  it('adopts nothing for a handle whose grant was only relabelled in the database', async () => {
    const { clientKey } = suite.provider({ nowggUrl });
    await suite.dataSource.query('UPDATE nowgg_grant SET client_key = $2 WHERE id = $1', [grantId, clientKey]);
    await expect(moved.openSession(session)).rejects.toMatchObject({ errorCode: 'reauthentication_required' });
    await suite.store.recordAdoption({ provider: 'nowgg', clientKey: former }, clientKey);
    const later = suite.serviceOf({ nowggUrl });
    await expect(later.openSession(session)).rejects.toMatchObject({ errorCode: 'configuration' });
    expect(events.take()).toEqual(['foreign_session_handle', 'relabelled_row']);
  });

  it('ends them: their players have to sign in again, and no others', async () => {
    const own = await moved.exchangeCode(suite.code('player-new'));
    expect(await vault.end({ client: former, dryRun: true })).toBe(1);
    expect(await vault.end({ client: former })).toBe(1);
    await expect(moved.openSession(session)).rejects.toMatchObject({ errorCode: 'reauthentication_required' });
    expect((await moved.openSession(own.session)).grant.id).toBe(own.grant.id);
    expect((await vault.status()).clients).toHaveLength(1);
    events.take();
  });

  it('refuses to adopt or end with a key that is none, or its own', async () => {
    const own = suite.provider({ nowggUrl }).clientKey;
    await expect(vault.adopt({ from: 'title-a' })).rejects.toThrow('from must be the key of a client');
    await expect(vault.adopt({ from: own })).rejects.toThrow('the same client');
    await expect(vault.end({ client: own })).rejects.toThrow('the client of this application');
  });

  it('leaves a grant alone while it is refreshed, and takes it the next time', async () => {
    const id = await suite.signInLongAgo();
    const calls = suite.nowgg.requestCount('token');
    suite.hold();
    const refreshed = suite.service.getAccessToken(id);
    await suite.called(calls + 1);
    expect(await vault.adopt({ from: former })).toEqual({ adopted: 1, unreadable: 0, complete: false });
    suite.release();
    await refreshed;
    expect(await vault.adopt({ from: former })).toEqual({ adopted: 1, unreadable: 0, complete: true });
  });
});
