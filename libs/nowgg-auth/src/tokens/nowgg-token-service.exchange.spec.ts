import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  IdentityUnavailableError,
  InvalidGrantError,
  InvalidRequestError,
  NowggConfigurationError,
  StoreUnavailableError,
} from '../errors.js';
import type { TokenOutcome } from '../identity/identity-provider.js';
import { captureSecurityEvents } from '../testing-support/security-events.js';
import { authenticatorOf } from './testing-support/scripted-provider.js';
import { deferred, errorOf, settled, TokenServiceUnderTest } from './testing-support/token-service-under-test.js';

const ATTEMPT = 'attempt'.repeat(6);

describe('exchangeCode', () => {
  let under: TokenServiceUnderTest;
  const grants = () => under.service.listGrants('player-1');
  const down = { status: 'unknown', reason: 'timeout', retryAfterSeconds: 7 } as const;

  beforeEach(() => {
    under = new TokenServiceUnderTest();
  });

  it('makes an active grant of the first generation out of a code', async () => {
    const { grant, accessToken, principal, session } = await under.signIn();
    expect(grant).toMatchObject({ provider: 'nowgg', userId: 'player-1', sessionId: 'session-1', state: 'active' });
    expect(accessToken).toEqual({ token: 'access-1', expiresAt: grant.accessTokenExpiresAt, generation: 1 });
    expect(principal.userId).toBe('player-1');
    expect((await under.service.sessionGrant(session)).id).toBe(grant.id);
  });

  it.each([
    ['empty', ''],
    ['too long', 'c'.repeat(2_049)],
    ['with a line break', 'code\r\nX: y'],
    ['with a NUL', 'code\0'],
    ['with a space', 'a code'],
    ['beyond ASCII', 'cödé'],
    ['an array', ['code'] as unknown as string],
    ['an object', { length: 4 } as unknown as string],
    ['missing', undefined as unknown as string],
  ])('refuses a code that is %s without a request', async (_what, code) => {
    await expect(under.service.exchangeCode(code)).rejects.toThrow(InvalidGrantError);
    expect(under.provider.codes).toEqual([]);
  });

  it('gives 50 callers in 4 processes with the same code one call, one grant and the same answer', async () => {
    const services = [under.service, under.anotherProcess(), under.anotherProcess(), under.anotherProcess()];
    const reply = deferred<TokenOutcome>();
    under.provider.answers.push(reply.promise);
    const answers = Promise.all(
      Array.from({ length: 50 }, (_unused, caller) => (services[caller % 4] ?? under.service).exchangeCode('code-1')),
    );
    await settled();
    reply.resolve({ status: 'tokens', tokens: under.provider.issue('refresh-1') });
    await under.pass(1_000, 25);
    const seen = new Set((await answers).map((answer) => JSON.stringify(answer)));
    expect(seen.size).toBe(1);
    expect(under.provider.codes).toEqual(['code-1']);
    expect(await grants()).toHaveLength(1);
  });

  it('gives the same grant again within the replay time and refuses afterwards, both without a call', async () => {
    const first = await under.service.exchangeCode('code-1', { attemptId: ATTEMPT });
    await under.pass(30_000);
    const again = await under.anotherProcess().exchangeCode('code-1', { attemptId: ATTEMPT });
    expect(again.session).toBe(first.session);
    await under.pass(1);
    await expect(under.service.exchangeCode('code-1', { attemptId: ATTEMPT })).rejects.toThrow(InvalidGrantError);
    expect(under.provider.codes).toEqual(['code-1']);
  });

  it.each([
    ['without an attempt id', {}],
    ['with another attempt id', { attemptId: 'b'.repeat(43) }],
  ])('refuses the code of a finished sign-in %s at once, with an event', async (_how, options) => {
    const { grant } = await under.service.exchangeCode('code-1', { attemptId: ATTEMPT });
    using events = captureSecurityEvents();
    await expect(under.anotherProcess().exchangeCode('code-1', options)).rejects.toThrow(InvalidGrantError);
    expect(events.seen).toEqual([{ type: 'code_replayed', provider: 'nowgg', detail: 'refused' }]);
    expect(under.provider.codes).toEqual(['code-1']);
    // The sign-in stands, and its own client still gets it.
    expect((await under.service.exchangeCode('code-1', { attemptId: ATTEMPT })).grant.id).toBe(grant.id);
  });

  it('answers the code of a sign-in without an attempt id for five seconds, each time with an event', async () => {
    const { session } = await under.signIn();
    using events = captureSecurityEvents();
    await under.pass(5_000);
    expect((await under.anotherProcess().exchangeCode('code-1')).session).toBe(session);
    expect((await under.service.exchangeCode('code-1', { attemptId: ATTEMPT })).session).toBe(session);
    await under.pass(1);
    await expect(under.service.exchangeCode('code-1')).rejects.toThrow(InvalidGrantError);
    await expect(under.service.exchangeCode('code-1', { attemptId: ATTEMPT })).rejects.toThrow(InvalidGrantError);
    const details = events.seen.map(({ type, detail }) => `${type} ${detail}`);
    expect(details).toEqual([
      'code_replayed answered',
      'code_replayed answered',
      'code_replayed refused',
      'code_replayed refused',
    ]);
  });

  it('takes a code verifier for an attempt id', async () => {
    const options = { codeVerifier: 'v'.repeat(43) };
    const { session } = await under.service.exchangeCode('code-1', options);
    using events = captureSecurityEvents();
    await under.pass(30_000);
    expect((await under.anotherProcess().exchangeCode('code-1', options)).session).toBe(session);
    expect(events.seen).toEqual([]);
  });

  it('goes on with an unfinished sign-in for each caller, and is then that of the caller who finished it', async () => {
    using events = captureSecurityEvents();
    under.authenticator.verdict = () => down;
    await expect(under.service.exchangeCode('code-1', { attemptId: 'a'.repeat(32) })).rejects.toThrow(
      IdentityUnavailableError,
    );
    under.authenticator.verdict = authenticatorOf('player-1').verdict;
    await under.pass(20_000);
    const { session } = await under.anotherProcess().exchangeCode('code-1', { attemptId: ATTEMPT });
    expect([under.provider.codes, events.seen]).toEqual([['code-1'], []]);
    await under.pass(5_001);
    expect((await under.service.exchangeCode('code-1', { attemptId: ATTEMPT })).session).toBe(session);
    await expect(under.service.exchangeCode('code-1', { attemptId: 'a'.repeat(32) })).rejects.toThrow(
      InvalidGrantError,
    );
  });

  it('goes on with a sign-in that was not counted yet among the sessions of its player', async () => {
    under = new TokenServiceUnderTest({ sessions: { max: 1 } });
    const admit = under.store.admitSession.bind(under.store);
    under.store.admitSession = async () => {
      throw new StoreUnavailableError();
    };
    await expect(under.signIn()).rejects.toThrow(StoreUnavailableError);
    under.store.admitSession = admit;
    await under.pass(20_000);
    expect((await under.signIn()).grant.state).toBe('active');
    await expect(under.signIn()).rejects.toThrow(InvalidGrantError);
  });

  it.each<unknown>(['', 'a'.repeat(31), 'a'.repeat(129), 7])(
    'refuses the attempt id %p without a request',
    async (attemptId) => {
      // A caller in JavaScript may give anything.
      const options = { attemptId } as { attemptId: string };
      await expect(under.service.exchangeCode('code-1', options)).rejects.toThrow(InvalidRequestError);
      expect(under.provider.codes).toEqual([]);
    },
  );

  it('does not give the grant to a caller with the same code and another verifier', async () => {
    await under.service.exchangeCode('code-1', { codeVerifier: 'right' });
    under.provider.answers.push({ status: 'refused', code: 'USED', isFinal: true });
    await expect(under.service.exchangeCode('code-1', { codeVerifier: 'wrong' })).rejects.toThrow(InvalidGrantError);
  });

  it('refuses a refused code and keeps nothing of it', async () => {
    under.provider.answers.push({ status: 'refused', code: 'INVALID_CODE', isFinal: false });
    await expect(under.signIn()).rejects.toThrow(InvalidGrantError);
    expect(await grants()).toEqual([]);
    expect((await under.store.countVault()).exchanges).toBe(0);
  });

  it('does not give a grant that was revoked meanwhile to the same code again', async () => {
    const { grant } = await under.signIn();
    await under.service.revoke(grant.id);
    await expect(under.service.exchangeCode('code-1')).rejects.toThrow(InvalidGrantError);
  });

  it('goes on at the verification when the same code comes back after an outage of it', async () => {
    const { verdict } = under.authenticator;
    under.authenticator.verdict = () => down;
    await expect(under.signIn()).rejects.toMatchObject({ retryAfterSeconds: 7 });
    expect(await grants()).toEqual([]);
    await under.pass(600_000);
    under.authenticator.verdict = verdict;
    expect((await under.anotherProcess().exchangeCode('code-1')).accessToken.token).toBe('access-1');
    expect(under.provider.codes).toEqual(['code-1']);
  });

  it('keeps the reply sealed while the verification is out', async () => {
    const seal = jest.spyOn(under.store, 'sealExchange');
    under.authenticator.verdict = () => down;
    await expect(under.signIn()).rejects.toThrow(IdentityUnavailableError);
    const [, replyCiphertext = Buffer.from('access-1')] = seal.mock.calls[0] ?? [];
    expect(Buffer.from(replyCiphertext).toString('latin1')).not.toMatch(/access-1|refresh-1/);
  });

  it('keeps nothing when the new token turns out to be no good', async () => {
    under.authenticator.verdict = () => ({ status: 'invalid', reason: 'wrong_client' });
    await expect(under.signIn()).rejects.toThrow(InvalidGrantError);
    expect(await grants()).toEqual([]);
    expect((await under.store.countVault()).exchanges).toBe(0);
  });

  it('stores nothing when the reply has no refresh token', async () => {
    under.provider.answers.push({ status: 'tokens', tokens: under.provider.issue(undefined) });
    await expect(under.signIn()).rejects.toThrow(NowggConfigurationError);
    expect(await grants()).toEqual([]);
  });

  it('sends a code again that was certainly not sent', async () => {
    const notSent: TokenOutcome = { status: 'not_sent', reason: 'network' };
    under.provider.answers.push(notSent, notSent);
    const exchange = under.signIn();
    await under.pass(2_000, 100);
    expect((await exchange).grant.state).toBe('active');
  });

  it('never replays a code in doubt by itself, and asks again once the lease is over', async () => {
    under.provider.answers.push({ status: 'in_doubt', reason: 'network' });
    await expect(under.signIn()).rejects.toThrow(IdentityUnavailableError);
    const early = errorOf(under.signIn());
    await under.pass(4_000, 100);
    expect(await early).toBeInstanceOf(IdentityUnavailableError);
    expect(under.provider.codes).toHaveLength(1);
    await under.pass(4_000, 100);
    expect((await under.signIn()).grant.state).toBe('active');
  });

  it('believes no refusal of a code while another process may still have its reply', async () => {
    const frozen = deferred<TokenOutcome>();
    under.provider.answers.push(frozen.promise, { status: 'refused', code: 'USED', isFinal: true });
    const first = errorOf(under.signIn());
    await under.pass(8_001, 100);
    expect(await first).toBeInstanceOf(IdentityUnavailableError);
    await expect(under.anotherProcess().exchangeCode('code-1')).rejects.toThrow(IdentityUnavailableError);
    frozen.resolve({ status: 'tokens', tokens: under.provider.issue('refresh-1') });
    await settled();
    expect((await under.anotherProcess().exchangeCode('code-1')).accessToken.token).toBe('access-1');
  });

  it('tells callers to come back at the soft deadline and makes the grant all the same', async () => {
    const slow = deferred<TokenOutcome>();
    under.provider.answers.push(slow.promise);
    const caller = errorOf(under.signIn());
    await under.pass(4_000);
    expect(await caller).toBeInstanceOf(IdentityUnavailableError);
    slow.resolve({ status: 'tokens', tokens: under.provider.issue('refresh-1') });
    await settled();
    expect(await grants()).toHaveLength(1);
    expect((await under.signIn()).accessToken.token).toBe('access-1');
  });

  it('asks for the provider when there are several, and refuses an unknown one', async () => {
    await expect(under.service.exchangeCode('code-1', { provider: 'nobody' })).rejects.toThrow(NowggConfigurationError);
  });

  it('keeps code, tokens and secrets out of every error', async () => {
    under.provider.answers.push({ status: 'refused', code: 'planted-code', isFinal: false });
    const error: unknown = await under.service.exchangeCode('planted-secret').catch((thrown: unknown) => thrown);
    expect(JSON.stringify([error, (error as Error).message, (error as Error).stack])).not.toMatch(/planted/);
  });
});
