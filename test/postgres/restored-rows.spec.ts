import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReauthenticationRequiredError } from '../../libs/nowgg-auth/src/errors.js';
import { useSecurityEvents } from '../support/security-events.js';
import { SHORT_DURATIONS } from '../support/token-service/token-service.js';
import { TokenSuite } from '../support/token-service/token-suite.js';

let suite: TokenSuite;
const events = useSecurityEvents();
let copies = 0;

beforeAll(async () => {
  suite = await TokenSuite.start('once');
}, 60_000);
afterAll(() => suite.stop(), 30_000);
beforeEach(() => suite.startOver('once'));

const sql = (statement: string, ...parameters: unknown[]) => suite.dataSource.query(statement, parameters);
const signIn = async () => {
  const { grant, session } = await suite.service.exchangeCode(suite.code(`player-${randomUUID()}`));
  return { id: grant.id, session };
};

/** Copies the row; the function that is returned puts the copy back in its place. */
const copyOf = async (id: string): Promise<() => Promise<void>> => {
  copies += 1;
  const copy = `copied_grant_${copies}`;
  await sql(`CREATE TABLE ${copy} AS SELECT * FROM nowgg_grant WHERE id = '${id}'`);
  return async () => {
    await sql('DELETE FROM nowgg_grant WHERE id = $1', id);
    await sql(`INSERT INTO nowgg_grant SELECT * FROM ${copy}`);
  };
};
const expire = (id: string) =>
  sql("UPDATE nowgg_grant SET access_not_after = now() - interval '1 second' WHERE id = $1", id);

/** Its token was stored so long ago that a forced refresh is carried out. */
const isOld = (id: string) =>
  sql("UPDATE nowgg_grant SET access_obtained_at = access_obtained_at - interval '1 hour' WHERE id = $1", id);

describe('a row of an older generation that came back', () => {
  it('is told once as an event, and its token serves while it is valid without a question', async () => {
    const { id, session } = await signIn();
    const restore = await copyOf(id);
    await suite.service.refresh(id);
    await restore();
    for (let read = 0; read < 3; read += 1) expect((await suite.service.getAccessToken(id)).generation).toBe(1);
    await suite.service.openSession(session);
    expect(events.take()).toEqual(['restored_row']);
    expect(suite.refreshes).toBe(1);
  });

  it('is not refreshed before its token has expired, neither in the background nor at the end of its life', async () => {
    const { id } = await signIn();
    const restore = await copyOf(id);
    await suite.service.refresh(id);
    await restore();
    const readWith = async (leftSeconds: number, minValidityMs?: number) => {
      await sql(
        `UPDATE nowgg_grant SET access_not_after = now() + interval '${leftSeconds} seconds',
           access_obtained_at = now() - interval '1 hour', updated_at = now() - interval '1 hour' WHERE id = $1`,
        id,
      );
      await suite.service.getAccessToken(id, { ...(minValidityMs !== undefined && { minValidityMs }) });
    };
    await readWith(50);
    await readWith(5);
    await readWith(1_800, 3_000_000);
    expect(suite.refreshes).toBe(1);
  });

  it('takes the ordinary way when its token has expired, and shows its refresh token once', async () => {
    const { id } = await signIn();
    const restore = await copyOf(id);
    await suite.service.refresh(id);
    await restore();
    await expire(id);
    suite.nowgg.setFault({ kind: 'status', status: 502, endpoint: 'token', count: 1 });
    await expect(suite.service.getAccessToken(id)).rejects.toMatchObject({ status: 503 });
    expect(suite.refreshes).toBe(2);
    expect((await suite.grant(id)).state).toBe('active');
  });

  it('is an ordinary row again after its next refresh', async () => {
    suite.startOver('grace');
    const { id } = await signIn();
    const restore = await copyOf(id);
    await suite.service.refresh(id);
    await restore();
    await suite.service.getAccessToken(id);
    await expire(id);
    expect((await suite.service.getAccessToken(id)).generation).toBe(2);
    events.take();
    await suite.service.getAccessToken(id);
    expect(events.take()).toEqual([]);
  });

  it('is not noticed by a process that has never seen the newer one', async () => {
    const { id } = await signIn();
    const restore = await copyOf(id);
    await suite.service.refresh(id);
    await restore();
    expect((await suite.serviceWith(SHORT_DURATIONS).getAccessToken(id)).generation).toBe(1);
    expect(events.take()).toEqual([]);
  });
});

describe('a failover while a refresh is under way', () => {
  /** A caller whose refresh now.gg has carried out and not answered, and what brings the row of before back. */
  const refreshing = async () => {
    const { id } = await signIn();
    const restore = await copyOf(id);
    await suite.service.refresh(id);
    await isOld(id);
    suite.hold();
    const calls = suite.refreshes;
    const token = suite.service.refresh(id);
    await suite.called(calls + 2);
    return { id, restore, token };
  };

  it('stores the received tokens over the restored row: they are the only ones that work', async () => {
    const { id, restore, token } = await refreshing();
    await restore();
    suite.release();
    const { token: received, generation } = await token;
    expect(generation).toBe(2);
    expect((await suite.service.getAccessToken(id)).token).toBe(received);
    await expire(id);
    expect((await suite.service.getAccessToken(id)).generation).toBe(3);
  });

  it('calls no grant ended that works, however often it happens', async () => {
    for (const mode of ['never', 'grace', 'once'] as const) {
      suite.startOver(mode);
      const { restore, token } = await refreshing();
      await restore();
      suite.release();
      expect(await token).toMatchObject({ generation: 2 });
    }
  });

  it('hands out what another process has stored, also when that is lost at once', async () => {
    suite.startOver('grace');
    const { restore, token, id } = await refreshing();
    const other = suite.serviceWith(SHORT_DURATIONS);
    const { store } = suite;
    const commit = store.commitTokens.bind(store);
    const find = store.findGrant.bind(store);
    store.commitTokens = async (tokens) => {
      store.commitTokens = commit;
      await sql("UPDATE nowgg_grant SET lease_until = now() - interval '1 second' WHERE id = $1", id);
      await other.refresh(id);
      store.findGrant = async (grantId) => {
        store.findGrant = find;
        const newer = await find(grantId);
        await restore();
        return newer;
      };
      return commit(tokens);
    };
    suite.release();
    expect(await token).toMatchObject({ generation: 3 });
    expect((await suite.grant(id)).generation).toBe(1);
  });

  it('revives no session that this process has seen end', async () => {
    const { id, restore, token } = await refreshing();
    await suite.service.revoke(id);
    await restore();
    suite.release();
    await expect(token).rejects.toThrow(ReauthenticationRequiredError);
    expect((await suite.grant(id)).generation).toBe(1);
  });

  it('hands out no older token when the row comes back just before the lease', async () => {
    const { id } = await signIn();
    const restore = await copyOf(id);
    await suite.service.refresh(id);
    await isOld(id);
    const acquire = suite.store.acquireLease.bind(suite.store);
    suite.store.acquireLease = async (request) => {
      suite.store.acquireLease = acquire;
      await restore();
      return acquire(request);
    };
    await expect(suite.service.refresh(id)).rejects.toMatchObject({ errorCode: 'identity_unavailable' });
    expect(suite.refreshes).toBe(1);
  });
});

describe('a session that has ended and came back', () => {
  const ended = async () => {
    const { id, session } = await signIn();
    const restore = await copyOf(id);
    await suite.service.revoke(id);
    expect(events.take()).toEqual(['signed_out']);
    return { id, session, restore };
  };
  const refuses = async (service: typeof suite.service, id: string, session: string) => {
    await expect(service.getAccessToken(id)).rejects.toThrow(ReauthenticationRequiredError);
    await expect(service.refresh(id)).rejects.toThrow(ReauthenticationRequiredError);
    await expect(service.sessionGrant(session)).rejects.toThrow(ReauthenticationRequiredError);
  };

  it('is refused with its whole row of before, and told as an event', async () => {
    const { id, session, restore } = await ended();
    await restore();
    await refuses(suite.service, id, session);
    expect(new Set(events.take())).toEqual(new Set(['restored_row']));
    expect(suite.refreshes).toBe(0);
  });

  it('is refused when only its state was turned back', async () => {
    const { id, session } = await ended();
    await sql("UPDATE nowgg_grant SET state = 'active' WHERE id = $1", id);
    await refuses(suite.service, id, session);
    expect(events.take()).toContain('restored_row');
  });

  it('is refused by every process that has seen its end', async () => {
    const { id, session, restore } = await ended();
    const witness = suite.serviceWith(SHORT_DURATIONS);
    await expect(witness.getAccessToken(id)).rejects.toThrow(ReauthenticationRequiredError);
    await restore();
    await refuses(witness, id, session);
  });

  it('is refused after a sign-out of the whole user, and is not listed', async () => {
    const { id, session } = await signIn();
    const { userId } = await suite.grant(id);
    const restore = await copyOf(id);
    expect(await suite.service.revokeUser(userId)).toBe(1);
    await restore();
    await refuses(suite.service, id, session);
    expect(await suite.service.listGrants(userId)).toEqual([]);
  });

  it('is not to be had by its code either, and can be ended again', async () => {
    const code = suite.code(`player-${randomUUID()}`);
    const { grant } = await suite.service.exchangeCode(code);
    const restore = await copyOf(grant.id);
    await suite.service.revoke(grant.id);
    await restore();
    await expect(suite.service.exchangeCode(code)).rejects.toMatchObject({ errorCode: 'invalid_grant' });
    await suite.service.revoke(grant.id);
    expect((await suite.grant(grant.id)).state).toBe('revoked');
  });
});
