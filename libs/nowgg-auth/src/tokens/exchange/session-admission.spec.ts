import { describe, expect, it } from '@jest/globals';
import {
  InvalidGrantError,
  ReauthenticationRequiredError,
  SignedInElsewhereError,
  StoreUnavailableError,
  TooManySessionsError,
} from '../../errors.js';
import type { RevokedGrant } from '../../revocation/issued-tokens.js';
import { captureSecurityEvents } from '../../testing-support/security-events.js';
import { ScriptedProvider } from '../testing-support/scripted-provider.js';
import { deferred, errorOf, settled, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

const ONE = { sessions: { max: 1 } } as const;
const REFUSING = { sessions: { max: 1, whenFull: 'refuse' } } as const;

/** A process that notes which grants' tokens it refuses, and why. */
function watched(under: TokenServiceUnderTest, options: Parameters<TokenServiceUnderTest['anotherProcess']>[0] = ONE) {
  const refused: RevokedGrant[] = [];
  const revocations = {
    refuseTokensOf: async (grant: RevokedGrant) => void refused.push(grant),
    refuseSignedOut: async () => 0,
  };
  return { refused, revocations, service: under.anotherProcess(options, { revocations }) };
}

describe('one device at a time', () => {
  it('ends the session before, refuses its tokens, tells the identity system, and says why to its device', async () => {
    const under = new TokenServiceUnderTest();
    const { service, refused } = watched(under);
    const first = await service.exchangeCode('code-1');
    using events = captureSecurityEvents();
    const second = await service.exchangeCode('code-2');
    expect(events.seen.map(({ type }) => type)).toEqual(['session_displaced']);
    expect(refused).toMatchObject([{ cause: 'signed_in_elsewhere', tokens: [{ credentialId: expect.any(String) }] }]);
    await settled();
    expect(under.provider.revoked).toEqual(['refresh-1']);
    for (const ask of [() => service.openSession(first.session), () => service.getAccessToken(first.grant.id)]) {
      expect(await errorOf(ask())).toMatchObject({ errorCode: 'signed_in_elsewhere', status: 401 });
    }
    expect(await errorOf(service.openSession(first.session))).toBeInstanceOf(ReauthenticationRequiredError);
    expect((await service.openSession(second.session)).grant.id).toBe(second.grant.id);
    await service.revokeSession(first.session);
  });

  it('asks the store nothing where the number is not limited', async () => {
    const under = new TokenServiceUnderTest();
    let asked = 0;
    under.store.admitSession = async () => {
      asked += 1;
      return { outcome: 'admitted', ended: [] };
    };
    await under.signIn();
    await under.service.exchangeCode('code-2');
    expect([asked, (await under.service.listGrants('player-1')).map(({ state }) => state)]).toEqual([
      0,
      ['active', 'active'],
    ]);
  });

  it('lets a code that comes again never end its own session, in any process', async () => {
    const under = new TokenServiceUnderTest(ONE);
    const other = under.anotherProcess(ONE);
    const signingIn = Promise.all([under.signIn(), under.signIn(), other.exchangeCode('code-1')]);
    await under.pass(2_000, 100);
    const answers = await signingIn;
    const again = await other.exchangeCode('code-1');
    expect(new Set([...answers, again].map(({ session }) => session)).size).toBe(1);
    expect((await under.service.openSession(again.session)).grant.state).toBe('active');
  });

  it.each([
    ['the hook refuses', () => Promise.reject(new Error('not invited'))],
    ['the hook fails', () => Promise.reject(new StoreUnavailableError())],
  ])('ends no session for a sign-in that fails because %s', async (_why, fail) => {
    const under = new TokenServiceUnderTest(ONE);
    const { session } = await under.signIn();
    expect(await errorOf(under.anotherProcess({ ...ONE, onSignIn: fail }).exchangeCode('code-2'))).toBeDefined();
    expect((await under.service.openSession(session)).grant.state).toBe('active');
  });

  it('ends no session for a sign-in that was ended while the hook decided', async () => {
    const under = new TokenServiceUnderTest(ONE);
    const { session, grant } = await under.signIn();
    const open = deferred<void>();
    const signingIn = errorOf(under.anotherProcess({ ...ONE, onSignIn: () => open.promise }).exchangeCode('code-2'));
    await settled();
    const [, pending] = await under.service.listGrants('player-1');
    await under.service.revoke(pending?.id ?? '');
    open.resolve();
    expect(await signingIn).toBeInstanceOf(ReauthenticationRequiredError);
    expect((await under.service.openSession(session)).grant.id).toBe(grant.id);
  });

  it('ends the session of a sign-in whose hook takes its time when it has decided, not before', async () => {
    const under = new TokenServiceUnderTest(ONE);
    const open = deferred<void>();
    const slow = under.anotherProcess({ ...ONE, onSignIn: () => open.promise }).exchangeCode('code-1');
    await settled();
    const quick = await under.service.exchangeCode('code-2');
    expect((await under.service.openSession(quick.session)).grant.state).toBe('active');
    open.resolve();
    const { session } = await slow;
    expect((await under.service.openSession(session)).grant.state).toBe('active');
    await expect(under.service.openSession(quick.session)).rejects.toThrow(SignedInElsewhereError);
  });

  it('completes an end that was cut off when the same code comes again', async () => {
    const under = new TokenServiceUnderTest(ONE);
    await under.signIn();
    const { refused, revocations } = watched(under);
    const broken = { ...revocations, refuseTokensOf: async () => Promise.reject(new StoreUnavailableError()) };
    const cutOff = under.anotherProcess(ONE, { revocations: broken });
    await expect(cutOff.exchangeCode('code-2')).rejects.toThrow(StoreUnavailableError);
    await under.anotherProcess(ONE, { revocations }).exchangeCode('code-2');
    expect(refused).toMatchObject([{ cause: 'signed_in_elsewhere' }]);
  });

  it('is told to a code that comes again after its session has ended', async () => {
    const under = new TokenServiceUnderTest(ONE);
    await under.signIn();
    await under.service.exchangeCode('code-2');
    await expect(under.service.exchangeCode('code-1')).rejects.toThrow(SignedInElsewhereError);
  });

  it('refuses where the option says so, and a sign-out makes room', async () => {
    const under = new TokenServiceUnderTest();
    const { service, refused } = watched(under, REFUSING);
    const { session, grant } = await service.exchangeCode('code-1');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const error = await errorOf(service.exchangeCode('code-2'));
      expect(error).toBeInstanceOf(TooManySessionsError);
      expect(error).toMatchObject({ errorCode: 'signed_in_elsewhere', status: 409 });
    }
    await settled();
    expect(refused).not.toContainEqual(expect.objectContaining({ cause: 'signed_in_elsewhere' }));
    expect(under.provider.revoked).toContain('refresh-1');
    expect((await service.openSession(session)).grant.id).toBe(grant.id);
    await service.revokeSession(session);
    expect((await service.exchangeCode('code-3')).grant.state).toBe('active');
  });

  it('counts each client by itself, or all clients of a provider of this name', async () => {
    const under = new TokenServiceUnderTest();
    const titleOf = (clientKey: string, sessions: object) =>
      under.anotherProcess(
        { sessions: { max: 1, ...sessions } },
        { provider: new ScriptedProvider(under.clock, 'nowgg', clientKey) },
      );
    const [one, two] = [titleOf('client-of-nowgg', {}), titleOf('other', {})];
    const first = await one.exchangeCode('code-1');
    const second = await two.exchangeCode('code-2');
    expect([
      (await one.openSession(first.session)).grant.state,
      (await two.openSession(second.session)).grant.state,
    ]).toEqual(['active', 'active']);
    await titleOf('third', { per: 'provider' }).exchangeCode('code-3');
    for (const open of [one.openSession(first.session), two.openSession(second.session)]) {
      await expect(open).rejects.toThrow(SignedInElsewhereError);
    }
  });

  it('asks the store for one sign-in of a user at a time, and goes on after one that failed', async () => {
    const under = new TokenServiceUnderTest(ONE);
    const admit = under.store.admitSession.bind(under.store);
    let [underway, most, calls] = [0, 0, 0];
    under.store.admitSession = async (admission) => {
      calls += 1;
      underway += 1;
      most = Math.max(most, underway);
      await settled();
      underway -= 1;
      if (calls === 1) throw new StoreUnavailableError();
      return admit(admission);
    };
    const codes = ['code-1', 'code-2', 'code-3', 'code-4'];
    const outcomes = await Promise.allSettled(codes.map(async (code) => under.service.exchangeCode(code)));
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect([most, calls]).toEqual([1, 4]);
  });

  it('notes the use of a session once a minute', async () => {
    const under = new TokenServiceUnderTest(ONE);
    const { session } = await under.signIn();
    await under.service.openSession(session);
    const note = under.store.noteSessionUse.bind(under.store);
    let notes = 0;
    under.store.noteSessionUse = async (id) => {
      notes += 1;
      await note(id);
    };
    for (let second = 0; second < 180; second += 30) {
      under.clock.advance(30_000);
      await under.service.openSession(session);
    }
    expect(notes).toBe(3);
  });

  it('ends with everything else when the user is signed out everywhere', async () => {
    const under = new TokenServiceUnderTest(ONE);
    const { session } = await under.signIn();
    await under.service.revokeUser('player-1');
    expect(await errorOf(under.service.openSession(session))).toMatchObject({ errorCode: 'reauthentication_required' });
    await expect(under.signIn()).rejects.toThrow(InvalidGrantError);
  });
});
