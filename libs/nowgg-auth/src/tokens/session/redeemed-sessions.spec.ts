import { describe, expect, it } from '@jest/globals';
import { SessionProofError } from '../../errors.js';
import type { SessionsOptions } from '../../options/options.js';
import { ProvingKey } from '../../testing-support/proving-key.js';
import { captureSecurityEvents } from '../../testing-support/security-events.js';
import { errorOf, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

const ADDRESS = 'https://api.game.example';
const OFFERED = { binding: 'offered', publicUrl: ADDRESS } as const;
const PATH = '/auth/handoff';
const HANDOFF = 'sealed-by-the-callback';

const faultOf = async (work: Promise<unknown>) => {
  const error = await errorOf(work);
  return error instanceof SessionProofError ? error.fault : error;
};

/** A session that a callback has begun, and the pages that redeem its handoff. */
async function begun(sessions: SessionsOptions = OFFERED) {
  const under = new TokenServiceUnderTest({ sessions: { ...sessions, binding: 'offered' } });
  const { grant, session: first } = await under.signIn();
  const service = under.anotherProcess({ sessions });
  const shown = (key: ProvingKey, credential: string, path: string) => ({
    proof: key.proof({ credential, address: ADDRESS + path, atMs: under.clock.now() }),
    method: 'POST',
    path,
  });
  return {
    under,
    service,
    shown,
    stored: async () => under.store.findGrant(grant.id),
    redeem: async (key?: ProvingKey, credential = HANDOFF, by = service) =>
      by.openSession(first, { handoff: HANDOFF, proof: key && shown(key, credential, PATH) }),
    refresh: async (session: string, key?: ProvingKey) =>
      service.openSession(session, { proof: key && shown(key, session, '/auth/refresh') }),
  };
}

describe('the session of a handoff', () => {
  it.each(['offered', 'required'] as const)(
    'is bound to the key that redeems it where binding is %s',
    async (binding) => {
      const page = await begun({ ...OFFERED, binding });
      const [key, other] = [new ProvingKey(), new ProvingKey()];
      const { grant, session } = await page.redeem(key);
      expect(grant.bound).toBe(true);
      expect(await page.stored()).toMatchObject({ keyThumbprint: key.thumbprint, handleVersion: 1 });
      expect((await page.redeem(key)).session).toBe(session);
      using events = captureSecurityEvents();
      expect([await faultOf(page.redeem(other)), await faultOf(page.redeem())]).toEqual(['another_key', 'missing']);
      const refused = { type: 'session_proof_refused', provider: 'nowgg' };
      expect(events.seen).toEqual(['another_key', 'missing'].map((detail) => ({ ...refused, detail })));
      expect((await page.refresh(session, key)).session).toBe(session);
      expect(await faultOf(page.refresh(session))).toBe('missing');
      // What another key has tried has burnt nothing.
      expect((await page.redeem(key)).session).toBe(session);
    },
  );

  it('stays without a key where its first redemption has none, with rotation or without', async () => {
    for (const rotation of [true, false]) {
      const page = await begun({ ...OFFERED, rotation });
      const { grant, session } = await page.redeem();
      expect(grant.bound).toBeUndefined();
      expect(await faultOf(page.redeem(new ProvingKey()))).toBe('another_key');
      expect((await page.redeem()).session).toBe(session);
      expect((await page.refresh(session)).grant.bound).toBeUndefined();
    }
  });

  it('is not given out without a proof where one is required, and waits for it', async () => {
    const page = await begun({ ...OFFERED, binding: 'required' });
    expect(await faultOf(page.redeem())).toBe('missing');
    expect((await page.redeem(new ProvingKey())).grant.bound).toBe(true);
  });

  it('is bound by no proof that was made for something else or used before', async () => {
    const page = await begun();
    const key = new ProvingKey();
    expect(await faultOf(page.redeem(key, 'another handoff'))).toBe('token');
    expect((await page.stored())?.keyThumbprint).toBeUndefined();
    const [proof, stolen] = [page.shown(key, HANDOFF, PATH), page.shown(key, HANDOFF, '/auth/refresh')];
    const { session } = await page.redeem(key);
    expect(await faultOf(page.service.openSession(session, { proof: stolen }))).toBe('token');
    await page.service.openSession(session, { handoff: HANDOFF, proof });
    expect(await faultOf(page.service.openSession(session, { handoff: HANDOFF, proof }))).toBe('replayed');
  });

  it('has one of the keys that come at once, in any process', async () => {
    const page = await begun();
    const other = page.under.anotherProcess({ sessions: OFFERED });
    const keys = Array.from({ length: 8 }, () => new ProvingKey());
    const redeemed = keys.map(async (key, n) => faultOf(page.redeem(key, HANDOFF, n % 2 ? other : page.service)));
    const faults = await Promise.all(redeemed);
    expect(faults.filter((fault) => fault === 'another_key')).toHaveLength(7);
    const winner = keys[faults.findIndex((fault) => fault !== 'another_key')];
    expect((await page.stored())?.keyThumbprint).toBe(winner?.thumbprint);
  });

  it('is as ever where binding is off, unless it has a key', async () => {
    const page = await begun({ ...OFFERED, binding: 'off' });
    const key = new ProvingKey();
    expect((await page.redeem(key)).grant.bound).toBeUndefined();
    const bound = await begun({ ...OFFERED, binding: 'off' });
    const offering = bound.under.anotherProcess({ sessions: OFFERED });
    const { session } = await bound.redeem(key, HANDOFF, offering);
    expect(await faultOf(bound.redeem())).toBe('missing');
    expect((await bound.redeem(key)).session).toBe(session);
  });
});
