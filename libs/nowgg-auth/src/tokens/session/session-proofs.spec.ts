import { describe, expect, it } from '@jest/globals';
import { InvalidGrantError, NowggConfigurationError, SessionProofError } from '../../errors.js';
import type { SessionsOptions } from '../../options/options.js';
import { ProvingKey } from '../../testing-support/proving-key.js';
import { captureSecurityEvents } from '../../testing-support/security-events.js';
import { errorOf, KEY_1, KEY_2, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

const ADDRESS = 'https://api.game.example';
const OFFERED = { binding: 'offered', publicUrl: ADDRESS } as const;
const MINUTE_MS = 60_000;

/** A client with a key, before services that share a store. */
class Client {
  readonly key = new ProvingKey();

  constructor(readonly under: TokenServiceUnderTest) {}

  shown(path: string, credential: string, changes: Partial<Parameters<ProvingKey['proof']>[0]> = {}) {
    const atMs = this.under.clock.now();
    return {
      proof: this.key.proof({ credential, address: ADDRESS + path, atMs, ...changes }),
      method: 'POST',
      path,
    };
  }

  async signIn(code = 'code-1', service = this.under.service) {
    return service.exchangeCode(code, { proof: this.shown('/auth/login', code) });
  }

  async refresh(session: string, service = this.under.service) {
    return service.openSession(session, { proof: this.shown('/auth/refresh', session) });
  }
}

const start = (sessions: SessionsOptions = OFFERED) => new Client(new TokenServiceUnderTest({ sessions }));
const faultOf = async (work: Promise<unknown>) => {
  const error = await errorOf(work);
  return error instanceof SessionProofError ? error.fault : error;
};

describe('a session that began with a proof', () => {
  it('is bound: each use needs a proof of the same key, and its handle stays', async () => {
    const client = start();
    const { service, store } = client.under;
    const { grant, session } = await client.signIn();
    expect(grant.bound).toBe(true);
    expect(await store.findGrant(grant.id)).toMatchObject({ keyThumbprint: client.key.thumbprint });
    for (let use = 0; use < 5; use += 1) expect((await client.refresh(session)).session).toBe(session);
    expect((await store.findGrant(grant.id))?.handleVersion).toBe(1);
    using events = captureSecurityEvents();
    const thief = new Client(client.under);
    const uses = [service.openSession(session), service.sessionGrant(session), service.revokeSession(session)];
    expect(await Promise.all(uses.map(faultOf))).toEqual(['missing', 'missing', 'missing']);
    expect(await faultOf(thief.refresh(session))).toBe('another_key');
    expect(await faultOf(service.revokeSession(session, { proof: thief.shown('/auth/logout', session) }))).toBe(
      'another_key',
    );
    expect(events.seen).toEqual(
      ['missing', 'missing', 'missing', 'another_key', 'another_key'].map((detail) => ({
        type: 'session_proof_refused',
        provider: 'nowgg',
        detail,
      })),
    );
    expect(await service.sessionGrant(session, { proof: client.shown('/any', session) })).toMatchObject({
      bound: true,
    });
    await service.revokeSession(session, { proof: client.shown('/auth/logout', session) });
    expect(await errorOf(client.refresh(session))).toMatchObject({ errorCode: 'reauthentication_required' });
  });

  it('stays bound whatever the option says later, and says so where proofs cannot be checked any more', async () => {
    const client = start();
    const { session } = await client.signIn();
    const off = client.under.anotherProcess({ sessions: { ...OFFERED, binding: 'off' } });
    expect(await faultOf(off.openSession(session))).toBe('missing');
    expect((await client.refresh(session, off)).session).toBe(session);
    const without = client.under.anotherProcess();
    expect(await errorOf(client.refresh(session, without))).toBeInstanceOf(NowggConfigurationError);
    expect(await errorOf(without.revokeSession(session))).toBeInstanceOf(NowggConfigurationError);
    expect((await client.refresh(session)).session).toBe(session);
  });

  it('tells the reason of its end to the holder of the key only', async () => {
    const client = start({ ...OFFERED, max: 1 });
    const { session } = await client.signIn();
    await new Client(client.under).signIn('code-2');
    expect(await faultOf(client.under.service.openSession(session))).toBe('missing');
    expect(await errorOf(client.refresh(session))).toMatchObject({ errorCode: 'signed_in_elsewhere' });
  });

  it('replaces an earlier one of its key where the number of sessions is limited', async () => {
    const client = start({ ...OFFERED, max: 1, whenFull: 'refuse' });
    const first = await client.signIn('code-1');
    const again = await client.signIn('code-2');
    expect(await errorOf(client.refresh(first.session))).toMatchObject({ errorCode: 'signed_in_elsewhere' });
    expect((await client.refresh(again.session)).session).toBe(again.session);
    expect(await errorOf(new Client(client.under).signIn('code-3'))).toMatchObject({ status: 409 });
  });

  it('goes on under a new first key of the ring, with a new handle and the same key', async () => {
    const client = start();
    const { session } = await client.signIn();
    const rotated = client.under.anotherProcess({ encryptionKeys: [KEY_2, KEY_1], sessions: OFFERED });
    const opened = await client.refresh(session, rotated);
    expect(opened.session).not.toBe(session);
    expect((await client.refresh(opened.session, rotated)).session).toBe(opened.session);
    expect(await faultOf(rotated.openSession(opened.session))).toBe('missing');
  });
});

describe('a session that began without a proof', () => {
  it.each([
    ['off', { ...OFFERED, binding: 'off' }],
    ['offered', OFFERED],
  ] as const)('is as ever where binding is %s, and no later proof binds it', async (_binding, sessions) => {
    const client = start(sessions);
    const { grant, session } = await client.under.signIn();
    expect(grant.bound).toBeUndefined();
    const next = await client.refresh(session);
    expect(next.session).not.toBe(session);
    expect((await client.under.service.openSession(next.session)).grant.bound).toBeUndefined();
    expect(await client.under.store.findGrant(grant.id)).toMatchObject({ keyThumbprint: undefined });
  });

  it('does not begin where a proof is required, and its code stays good', async () => {
    const client = start({ ...OFFERED, binding: 'required' });
    expect(await faultOf(client.under.signIn())).toBe('missing');
    const options = { proof: { proof: undefined, method: 'POST', path: '/auth/login' } };
    expect(await faultOf(client.under.service.exchangeCode('code-1', options))).toBe('missing');
    expect(client.under.provider.codes).toEqual([]);
    expect((await client.signIn()).grant.bound).toBe(true);
  });
});

describe('a refused proof', () => {
  it('at a sign-in binds nothing, sends no code, and is never a session without a key', async () => {
    const client = start();
    const { service } = client.under;
    const tried = async (changes: object, path = '/auth/login') =>
      faultOf(service.exchangeCode('code-1', { proof: client.shown(path, 'code-1', changes) }));
    expect(await tried({ credential: 'code-2' })).toBe('token');
    expect(await tried({ address: 'https://evil.example/auth/login' })).toBe('address');
    expect(await tried({ address: `${ADDRESS}/auth/refresh` })).toBe('address');
    expect(await tried({ claims: { htm: 'GET' } })).toBe('method');
    expect(await tried({ header: { alg: 'none' } })).toBe('key');
    for (const proof of ['', 'x', 'x'.repeat(9_000), `${client.shown('/auth/login', 'code-1').proof}, x`]) {
      expect(
        await faultOf(service.exchangeCode('code-1', { proof: { proof, method: 'POST', path: '/auth/login' } })),
      ).toBe('form');
    }
    expect([client.under.provider.codes, await service.listGrants('player-1')]).toEqual([[], []]);
    expect((await client.signIn()).grant.bound).toBe(true);
  });

  it('is one that was used, in any process, also at the same time', async () => {
    const client = start();
    const other = client.under.anotherProcess({ sessions: OFFERED });
    const { session } = await client.signIn();
    const proof = client.shown('/auth/refresh', session);
    const uses = [client.under.service, other, client.under.service, other].map((service) =>
      faultOf(service.openSession(session, { proof })),
    );
    const faults = await Promise.all(uses);
    expect(faults.filter((fault) => fault === 'replayed')).toHaveLength(3);
    const login = client.shown('/auth/login', 'code-2');
    const signIns = [client.under.service, other, client.under.service].map((service) =>
      faultOf(service.exchangeCode('code-2', { proof: login })),
    );
    expect((await Promise.all(signIns)).filter((fault) => fault === 'replayed')).toHaveLength(2);
    expect(client.under.provider.codes).toEqual(['code-1', 'code-2']);
  });

  it('stays refused for as long as a process whose clock is ten minutes behind could accept it', async () => {
    const client = start();
    const { session } = await client.signIn();
    const proof = client.shown('/auth/refresh', session, { atMs: client.under.clock.now() + 10 * MINUTE_MS });
    const nonce = (await errorOf(client.under.service.openSession(session, { proof }))) as SessionProofError;
    const used = client.shown('/auth/refresh', session, { id: 'proof-1', nonce: nonce.nonce });
    await client.under.service.openSession(session, { proof: used });
    for (let passed = 0; passed < 12; passed += 1) {
      client.under.clock.advance(MINUTE_MS);
      await client.under.store.sweepProofs(1_000);
      const again = client.shown('/auth/refresh', session, { id: 'proof-1' });
      expect(await faultOf(client.under.service.openSession(session, { proof: again }))).toBe('replayed');
    }
  });
});

describe('a client whose clock is wrong', () => {
  it.each([-5 * MINUTE_MS, 5 * MINUTE_MS])(
    'by %i ms is given a nonce, uses nothing up, and goes on with it',
    async (skewMs) => {
      const client = start();
      using events = captureSecurityEvents();
      const atMs = client.under.clock.now() + skewMs;
      const signIn = async (nonce?: string) =>
        client.under.service.exchangeCode('code-1', { proof: client.shown('/auth/login', 'code-1', { atMs, nonce }) });
      const told = (await errorOf(signIn())) as SessionProofError;
      expect(told.getResponse()).toEqual({
        statusCode: 401,
        errorCode: 'use_dpop_nonce',
        message: 'the DPoP proof must contain the nonce of this answer',
        nonce: told.nonce,
      });
      expect([client.under.provider.codes, events.seen]).toEqual([[], []]);
      const { session } = await signIn(told.nonce);
      const refresh = async (nonce?: string) =>
        client.under.service.openSession(session, { proof: client.shown('/auth/refresh', session, { atMs, nonce }) });
      expect((await refresh(told.nonce)).session).toBe(session);
      client.under.clock.advance(2 * MINUTE_MS);
      const next = (await errorOf(refresh(told.nonce))) as SessionProofError;
      expect([next.errorCode, next.nonce !== told.nonce]).toEqual(['use_dpop_nonce', true]);
      expect((await refresh(next.nonce)).session).toBe(session);
    },
  );

  it('gets a nonce that each process of the application accepts, also while the key of the ring changes', async () => {
    const client = start();
    const rotated = client.under.anotherProcess({ encryptionKeys: [KEY_2, KEY_1], sessions: OFFERED });
    const { session } = await client.signIn();
    const wrong = { atMs: 0 };
    const proof = client.shown('/auth/refresh', session, wrong);
    const { nonce } = (await errorOf(client.under.service.openSession(session, { proof }))) as SessionProofError;
    const repeated = client.shown('/auth/refresh', session, { ...wrong, nonce });
    expect((await rotated.openSession(session, { proof: repeated })).grant.bound).toBe(true);
  });
});

describe('the code of a bound session', () => {
  it('gives it again for its key, and nothing for another one or none', async () => {
    const client = start();
    const first = await client.signIn();
    client.under.clock.advance(20_000);
    expect((await client.signIn()).grant.id).toBe(first.grant.id);
    using events = captureSecurityEvents();
    expect(await errorOf(client.under.signIn())).toBeInstanceOf(InvalidGrantError);
    expect(await errorOf(new Client(client.under).signIn())).toBeInstanceOf(InvalidGrantError);
    const refused = { type: 'code_replayed', provider: 'nowgg', detail: 'refused' };
    expect(events.seen).toEqual([refused, refused]);
    expect(client.under.provider.codes).toEqual(['code-1']);
  });

  it('gives it to no other caller that comes while its exchange is under way', async () => {
    const client = start();
    const thief = new Client(client.under);
    const signIns = Promise.allSettled([client.signIn(), client.under.signIn(), thief.signIn()]);
    await client.under.pass(3_000, 100);
    const outcomes = (await signIns).map(({ status }) => status);
    // One of them is first: a code does not tell whose it is.
    expect(outcomes.toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(client.under.provider.codes).toEqual(['code-1']);
  });

  it('is not used up by a flood of codes with proofs: what is not admitted claims nothing', async () => {
    const client = start();
    const claimed: string[] = [];
    const { store } = client.under;
    const claimProof = store.claimProof.bind(store);
    store.claimProof = async (...claim) => {
      claimed.push(claim[0]);
      return claimProof(...claim);
    };
    const limited = client.under.anotherProcess({ sessions: OFFERED, codeBudget: () => false });
    for (let n = 0; n < 20; n += 1)
      expect(await errorOf(client.signIn(`garbage-${n}`, limited))).toMatchObject({ status: 503 });
    expect(claimed).toEqual([]);
  });
});
