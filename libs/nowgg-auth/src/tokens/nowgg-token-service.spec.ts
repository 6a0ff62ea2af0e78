import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  GrantInDoubtError,
  IdentityUnavailableError,
  InvalidTokenError,
  NowggConfigurationError,
  ReauthenticationRequiredError,
} from '../errors.js';
import type { TokenOutcome } from '../identity/identity-provider.js';
import type { RevokedGrant } from '../revocation/issued-tokens.js';
import {
  deferred,
  errorOf,
  KEY_1,
  KEY_2,
  settled,
  TokenServiceUnderTest,
} from './testing-support/token-service-under-test.js';
import type { GrantRecord } from './store/grant-record.js';
import type { TokenStore } from './store/token-store.js';
import { ScriptedProvider } from './testing-support/scripted-provider.js';

const HOUR = 3_600_000;
const refused: TokenOutcome = { status: 'refused', code: 'INVALID_TOKEN', isFinal: false };
const dead: TokenOutcome = { status: 'refused', code: 'invalid_grant', isFinal: true };
const inDoubt: TokenOutcome = { status: 'in_doubt', reason: 'network' };

describe('NowggTokenService', () => {
  let under: TokenServiceUnderTest;
  let grantId: string;
  const state = async () => (await under.store.findGrant(grantId))?.state;
  const token = async (service = under.service) => (await service.getAccessToken(grantId)).token;

  beforeEach(async () => {
    under = new TokenServiceUnderTest();
    grantId = (await under.signIn()).grant.id;
  });

  describe('getAccessToken', () => {
    it('reads a fresh token once and sends no request', async () => {
      expect(await token()).toBe('access-1');
      expect(under.provider.refreshTokens).toEqual([]);
    });

    it('refreshes an expired token once for 100 callers in each of 8 processes', async () => {
      await under.pass(HOUR);
      const reply = deferred<TokenOutcome>();
      under.provider.answers.push(reply.promise);
      const services = Array.from({ length: 8 }, () => under.anotherProcess());
      const callers = Promise.all(
        services.flatMap((service) => Array.from({ length: 100 }, () => service.getAccessToken(grantId))),
      );
      await under.pass(500, 50);
      reply.resolve({ status: 'tokens', tokens: under.provider.issue(undefined) });
      await under.pass(1_000, 50);
      expect(new Set((await callers).map(({ token, generation }) => `${token} ${generation}`))).toEqual(
        new Set(['access-2 2']),
      );
      expect(under.provider.refreshTokens).toEqual(['refresh-1']);
    });

    it('answers at once near the end and refreshes in the background', async () => {
      await under.pass(HOUR - 60_000);
      expect(await token()).toBe('access-1');
      await settled();
      expect(await token()).toBe('access-2');
    });

    it('tries in the background at most once in 30 seconds, and lets no caller feel that it failed', async () => {
      await under.pass(HOUR - 200_000);
      under.provider.answers.push(refused, refused);
      for (let call = 0; call < 5; call += 1) {
        expect(await token()).toBe('access-1');
        await settled();
      }
      expect(under.provider.refreshTokens).toHaveLength(1);
      await under.pass(60_001);
      expect(await token()).toBe('access-1');
      await settled();
      expect(under.provider.refreshTokens).toHaveLength(2);
    });

    it('waits for the refresh at the very end, and answers with the old token when it does not come', async () => {
      await under.pass(HOUR - 10_000);
      under.provider.answers.push(deferred<TokenOutcome>().promise);
      const caller = token();
      await under.pass(4_000, 500);
      expect(await caller).toBe('access-1');
    });

    it('answers with the old token while the identity system is out, as long as it lasts', async () => {
      await under.pass(HOUR - 10_000);
      under.provider.answers.push(inDoubt, inDoubt);
      const caller = token();
      await under.pass(1_000, 100);
      expect(await caller).toBe('access-1');
    });

    it('tells who waits for an expired token to come back, and stores the late reply', async () => {
      await under.pass(HOUR);
      const late = deferred<TokenOutcome>();
      under.provider.answers.push(late.promise);
      const caller = errorOf(token());
      await under.pass(4_000);
      expect(await caller).toBeInstanceOf(IdentityUnavailableError);
      late.resolve({ status: 'tokens', tokens: under.provider.issue(undefined) });
      await settled();
      expect(await token()).toBe('access-2');
      expect(under.provider.refreshTokens).toHaveLength(1);
    });

    it('refreshes when less is left than the caller needs', async () => {
      await under.pass(HOUR / 2);
      expect((await under.service.getAccessToken(grantId, { minValidityMs: HOUR / 2 + 1 })).token).toBe('access-2');
    });

    it('refreshes a token of unknown expiry at each use', async () => {
      under.provider.lifeMs = undefined;
      await under.service.refresh(grantId);
      expect([await token(), await token()]).toEqual(['access-3', 'access-4']);
    });

    it("ends only the wait of the caller who gives up, for that caller's reason", async () => {
      await under.pass(HOUR);
      const reply = deferred<TokenOutcome>();
      under.provider.answers.push(reply.promise);
      const giveUp = new AbortController();
      const impatient = under.service.getAccessToken(grantId, { signal: giveUp.signal });
      const patient = token();
      await settled();
      giveUp.abort(new Error('the request was closed'));
      await expect(impatient).rejects.toThrow('the request was closed');
      reply.resolve({ status: 'tokens', tokens: under.provider.issue(undefined) });
      expect(await patient).toBe('access-2');
    });

    it.each(['', 'no uuid', '../../etc', '00000000-0000-0000-0000-000000000000'])(
      'asks for a new sign-in for a grant that does not exist: %p',
      async (id) => {
        await expect(under.service.getAccessToken(id)).rejects.toThrow(ReauthenticationRequiredError);
      },
    );

    it('does not send a refresh token to another client of the same name', async () => {
      const foreign = new ScriptedProvider(under.clock, 'nowgg', 'another-client');
      const service = under.anotherProcess({}, { provider: foreign });
      await under.pass(HOUR);
      // 503: a client id that was mistyped ends no session.
      await expect(service.getAccessToken(grantId)).rejects.toThrow(IdentityUnavailableError);
      expect(foreign.refreshTokens).toEqual([]);
      expect(await state()).toBe('active');
    });

    it('costs one read of the clients in ten seconds, and none of grants, however many handles are forged', async () => {
      const reads: string[] = [];
      const counting = (store: TokenStore) =>
        new Proxy(store, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name, target);
            if (typeof value !== 'function') return value;
            return (...args: unknown[]) => {
              reads.push(String(name));
              return value.apply(target, args) as unknown;
            };
          },
        });
      const attacked = new TokenServiceUnderTest({}, counting);
      const { session } = await attacked.signIn();
      reads.length = 0;
      const forged = () =>
        attacked.service.openSession(`${session.slice(0, 27)}.${randomBytes(32).toString('base64url')}`);
      for (let handles = 0; handles < 50; handles += 1) await expect(forged()).rejects.toMatchObject({ status: 401 });
      expect(reads).toEqual(['listClients']);
      attacked.clock.advance(10_001);
      await expect(forged()).rejects.toMatchObject({ status: 401 });
      expect(reads).toEqual(['listClients', 'listClients']);
    });
  });

  describe('refresh', () => {
    it('makes one call for 100 callers whose token of the same generation was refused', async () => {
      const callers = Array.from({ length: 100 }, () => under.service.refresh(grantId, { ifGeneration: 1 }));
      expect(new Set((await Promise.all(callers)).map(({ generation }) => generation))).toEqual(new Set([2]));
      expect(await under.service.refresh(grantId, { ifGeneration: 1 })).toMatchObject({ token: 'access-2' });
      expect(under.provider.refreshTokens).toHaveLength(1);
    });

    it('keeps the stored refresh token when the reply has none', async () => {
      for (let time = 0; time < 1_000; time += 1) await under.service.refresh(grantId);
      expect(new Set(under.provider.refreshTokens)).toEqual(new Set(['refresh-1']));
    });

    it('takes a new refresh token when the reply has one', async () => {
      under.provider.nextRefreshToken = 'refresh-2';
      await under.service.refresh(grantId);
      await under.service.refresh(grantId);
      expect(under.provider.refreshTokens).toEqual(['refresh-1', 'refresh-2']);
    });

    it('replays the same refresh token once when the first call is in doubt', async () => {
      under.provider.answers.push(inDoubt);
      const refresh = under.service.refresh(grantId);
      await under.pass(1_000, 100);
      expect((await refresh).generation).toBe(2);
      expect(under.provider.refreshTokens).toEqual(['refresh-1', 'refresh-1']);
    });

    it('takes over from a process that died in the middle, once its lease is over', async () => {
      under.provider.answers.push(deferred<TokenOutcome>().promise);
      const dying = errorOf(under.service.refresh(grantId));
      const waiting = errorOf(under.anotherProcess().refresh(grantId));
      await under.pass(5_000, 100);
      expect(await dying).toBeInstanceOf(IdentityUnavailableError);
      expect(await waiting).toBeInstanceOf(IdentityUnavailableError);
      const heir = under.anotherProcess().refresh(grantId, { ifGeneration: 1 });
      await under.pass(4_000, 100);
      await under.pass(500, 50);
      expect(await heir).toMatchObject({ generation: 2 });
      expect(under.provider.refreshTokens).toEqual(['refresh-1', 'refresh-1']);
    });

    it('adopts the newer generation when its own set came second', async () => {
      const slow = deferred<TokenOutcome>();
      under.provider.answers.push(slow.promise);
      const late = under.service.refresh(grantId);
      const caller = errorOf(late);
      await under.pass(8_001, 1_000);
      expect(await caller).toBeInstanceOf(IdentityUnavailableError);
      await under.anotherProcess().refresh(grantId, { ifGeneration: 1 });
      slow.resolve({ status: 'tokens', tokens: under.provider.issue(undefined) });
      await settled();
      expect(await under.service.getAccessToken(grantId)).toMatchObject({ token: 'access-2', generation: 2 });
    });

    it('waits as long as a busy identity system asks for', async () => {
      under.provider.answers.push({ status: 'busy', retryAfterMs: 7_000 });
      await expect(under.service.refresh(grantId)).rejects.toMatchObject({ retryAfterSeconds: 7 });
      await expect(under.anotherProcess().refresh(grantId)).rejects.toThrow(IdentityUnavailableError);
      expect(under.provider.refreshTokens).toHaveLength(1);
      await under.pass(7_001);
      expect((await under.service.refresh(grantId)).generation).toBe(2);
    });

    it('leaves the grant alone when our client is refused', async () => {
      under.provider.answers.push({ status: 'client_refused' });
      await expect(under.service.refresh(grantId)).rejects.toThrow(IdentityUnavailableError);
      expect(await under.store.findGrant(grantId)).toMatchObject({ state: 'active', refusal: undefined });
    });
  });

  describe('a refused grant', () => {
    it('is dead after a definite no', async () => {
      under.provider.answers.push(dead);
      await expect(under.service.refresh(grantId)).rejects.toThrow(ReauthenticationRequiredError);
      expect(await state()).toBe('needs_reauth');
      await expect(token()).rejects.toThrow(ReauthenticationRequiredError);
    });

    it('is only suspect after an indefinite one, and serves its valid token on', async () => {
      under.provider.answers.push(refused);
      await expect(under.service.refresh(grantId)).rejects.toMatchObject({
        errorCode: 'grant_in_doubt',
        retryAfterSeconds: 2,
      });
      expect(await state()).toBe('suspect');
      expect(await token()).toBe('access-1');
    });

    it('says that a new sign-in is allowed once its token is over, and the sign-in makes another grant', async () => {
      under.provider.answers.push(refused);
      await expect(under.service.refresh(grantId)).rejects.toThrow(GrantInDoubtError);
      await under.pass(HOUR);
      under.provider.answers.push(refused);
      const error = (await errorOf(token())) as GrantInDoubtError;
      expect(error.getResponse()).toMatchObject({ statusCode: 503, errorCode: 'grant_in_doubt', signInAllowed: true });
      const next = await under.signIn('code-2');
      expect(next.grant.id).not.toBe(grantId);
      expect((await under.service.getAccessToken(next.grant.id)).generation).toBe(1);
    });

    it('becomes active again with the next success', async () => {
      under.provider.answers.push(refused);
      await expect(under.service.refresh(grantId)).rejects.toThrow(IdentityUnavailableError);
      await expect(under.service.refresh(grantId)).rejects.toThrow(GrantInDoubtError);
      await under.pass(2_001);
      await under.service.refresh(grantId);
      expect(await under.store.findGrant(grantId)).toMatchObject({ state: 'active', refusal: undefined });
      expect(under.provider.refreshTokens).toHaveLength(2);
    });

    it('is suspect and not dead when the attempt before it is in doubt', async () => {
      under.provider.answers.push(inDoubt, dead);
      const refresh = errorOf(under.service.refresh(grantId));
      await under.pass(1_000, 100);
      expect(await refresh).toBeInstanceOf(IdentityUnavailableError);
      expect(await state()).toBe('suspect');
    });

    it('ends within 30 seconds while others succeed, and asks nothing once the evidence is complete', async () => {
      const other = (await under.signIn('code-2')).grant.id;
      await under.pass(HOUR);
      const told = under.clock.now() + 30_000;
      const asked: number[] = [];
      let error: unknown;
      while (under.clock.now() <= told && !(error instanceof ReauthenticationRequiredError)) {
        const before = under.provider.refreshTokens.length;
        under.provider.answers.push(refused);
        error = await errorOf(token());
        under.provider.answers.length = 0;
        if (under.provider.refreshTokens.length > before) asked.push(30 - (told - under.clock.now()) / 1_000);
        await under.service.refresh(other);
        await under.pass(1_000);
      }
      expect(error).toBeInstanceOf(ReauthenticationRequiredError);
      expect(await state()).toBe('needs_reauth');
      expect(asked).toEqual([0, 2, 6, 14, 25]);
    });

    it('does not die of a wrong secret, however long it is wrong', async () => {
      for (let time = 0; time < 20; time += 1) {
        under.provider.answers.push(refused);
        await expect(under.service.refresh(grantId)).rejects.toThrow(IdentityUnavailableError);
        await under.pass(600_000);
      }
      expect(await state()).toBe('suspect');
      await under.service.refresh(grantId);
      expect(await state()).toBe('active');
    });

    it('adopts what another process has stored meanwhile', async () => {
      const reply = deferred<TokenOutcome>();
      under.provider.answers.push(reply.promise);
      const refresh = under.service.refresh(grantId);
      const left = errorOf(refresh);
      await under.pass(8_001, 500);
      expect(await left).toBeInstanceOf(IdentityUnavailableError);
      await under.anotherProcess().refresh(grantId, { ifGeneration: 1 });
      reply.resolve(dead);
      await settled();
      expect(await state()).toBe('active');
    });
  });

  describe('an outage of ten minutes', () => {
    it('kills no grant and is over with the first answer', async () => {
      await under.pass(HOUR);
      for (let second = 0; second < 600; second += 10) {
        under.provider.answers.length = 0;
        under.provider.answers.push(inDoubt, inDoubt, inDoubt);
        const caller = errorOf(token());
        await under.pass(10_000, 1_000);
        expect(await caller).toBeInstanceOf(IdentityUnavailableError);
      }
      under.provider.answers.length = 0;
      expect(await state()).toBe('active');
      await under.pass(31_000);
      expect(await token()).toBe('access-2');
    });
  });

  describe('withAccessToken', () => {
    it('calls once when the call succeeds', async () => {
      const used: string[] = [];
      expect(await under.service.withAccessToken(grantId, async (token) => used.push(token))).toBe(1);
      expect(used).toEqual(['access-1']);
    });

    it.each([
      ['InvalidTokenError', new InvalidTokenError('revoked_token')],
      ['a status of 401', Object.assign(new Error('no'), { status: 401 })],
      ['a response with status 401', { response: { status: 401 } }],
    ])('calls once more with a refreshed token after %s', async (_what, error) => {
      const used: string[] = [];
      const answer = await under.service.withAccessToken(grantId, async (token) => {
        used.push(token);
        if (used.length === 1) throw error;
        return 'done';
      });
      expect([answer, used]).toEqual(['done', ['access-1', 'access-2']]);
    });

    it.each([[new Error('no')], [{ status: 403 }], ['text'], [undefined]])(
      'passes any other error on without a refresh: %p',
      async (error) => {
        const use = async () => {
          throw error;
        };
        await expect(under.service.withAccessToken(grantId, use)).rejects.toBe(error);
        expect(under.provider.refreshTokens).toEqual([]);
      },
    );

    it('does not call a third time', async () => {
      let calls = 0;
      const use = async () => {
        calls += 1;
        throw new InvalidTokenError();
      };
      await expect(under.service.withAccessToken(grantId, use)).rejects.toThrow(InvalidTokenError);
      expect(calls).toBe(2);
    });
  });

  describe('revocation', () => {
    it('ends the grant here and at the identity system', async () => {
      await under.service.revoke(grantId);
      await settled();
      await expect(token()).rejects.toThrow(ReauthenticationRequiredError);
      expect(under.provider.revoked).toEqual(['refresh-1']);
    });

    it('beats a refresh that is under way', async () => {
      const reply = deferred<TokenOutcome>();
      under.provider.answers.push(reply.promise);
      const refresh = errorOf(under.service.refresh(grantId));
      await settled();
      await under.service.revoke(grantId);
      reply.resolve({ status: 'tokens', tokens: under.provider.issue('refresh-2') });
      expect(await refresh).toBeInstanceOf(ReauthenticationRequiredError);
      expect(await state()).toBe('revoked');
    });

    it('has the tokens of the grant refused here', async () => {
      const told: RevokedGrant[] = [];
      const service = under.anotherProcess(
        {},
        { revocations: { refuseTokensOf: async (grant) => void told.push(grant), refuseSignedOut: async () => 0 } },
      );
      await service.revoke(grantId);
      const tokens = [{ credentialId: under.provider.credentialIdOf('access-1'), notAfterMs: expect.any(Number) }];
      expect(told).toEqual([{ provider: 'nowgg', userId: 'player-1', sessionId: 'session-1', tokens }]);
    });

    it('has tokens refused on the second try when the first got no further than the grant', async () => {
      const refuseTokensOf = jest.fn<(grant: RevokedGrant) => Promise<void>>();
      refuseTokensOf.mockRejectedValueOnce(new IdentityUnavailableError());
      const service = under.anotherProcess({}, { revocations: { refuseTokensOf, refuseSignedOut: async () => 0 } });
      await expect(service.revoke(grantId)).rejects.toBeInstanceOf(IdentityUnavailableError);
      await expect(token()).rejects.toThrow(ReauthenticationRequiredError);
      await service.revoke(grantId);
      expect(refuseTokensOf).toHaveBeenCalledTimes(2);
      expect(under.provider.revoked).toEqual(['refresh-1']);
    });

    it('ends all grants of a user and says how many', async () => {
      await under.signIn('code-2');
      expect(await under.service.revokeUser('player-1')).toBe(2);
      expect(await under.service.revokeUser('player-1')).toBe(0);
      expect((await under.service.listGrants('player-1')).map((grant) => grant.state)).toEqual(['revoked', 'revoked']);
    });

    it.each(['', undefined as unknown as string, '\u0000', '\ud800', 'x'.repeat(256)])(
      'ends nothing for what is no user id: %p',
      async (userId) => {
        expect(await under.service.revokeUser(userId)).toBe(0);
        expect(await under.service.listGrants(userId)).toEqual([]);
        expect(await state()).toBe('active');
      },
    );

    it('does nothing for a grant that does not exist', async () => {
      await expect(under.service.revoke('no uuid')).resolves.toBeUndefined();
      await expect(under.service.revoke('00000000-0000-0000-0000-000000000000')).resolves.toBeUndefined();
    });
  });

  describe('session handles', () => {
    it('name their grant until it is revoked', async () => {
      const { session } = await under.signIn();
      expect((await under.service.sessionGrant(session)).id).toBe(grantId);
      await under.service.revoke(grantId);
      await expect(under.service.sessionGrant(session)).rejects.toThrow(ReauthenticationRequiredError);
    });

    it('are renewed when the first key of the ring changes', async () => {
      const { session } = await under.signIn();
      const rotated = under.anotherProcess({ encryptionKeys: [KEY_2, KEY_1], sessions: { rotation: false } });
      const opened = await rotated.openSession(session);
      expect(opened.session).not.toBe(session);
      expect((await rotated.openSession(opened.session)).session).toBe(opened.session);
    });

    it('are told apart from forgeries without asking the store', async () => {
      const { session } = await under.signIn();
      jest.spyOn(under.store, 'findGrant').mockRejectedValue(new Error('the store was asked'));
      const forged = (session.startsWith('A') ? 'B' : 'A') + session.slice(1);
      for (const handle of [forged, 'not a handle', '']) {
        await expect(under.service.sessionGrant(handle)).rejects.toMatchObject({
          errorCode: 'reauthentication_required',
          message: expect.stringContaining('session handle'),
        });
      }
    });
  });

  describe('sealed tokens', () => {
    const replaceAccessCt = async (change: (accessCiphertext: Buffer) => Buffer) => {
      const grant = (await under.store.findGrant(grantId)) as GrantRecord;
      const changed = { ...grant, accessCiphertext: change(Buffer.from(grant.accessCiphertext)) };
      jest.spyOn(under.store, 'findGrant').mockResolvedValueOnce(changed);
    };

    it('that were changed or cut give a typed error and leave the row as it is', async () => {
      await replaceAccessCt((accessCiphertext) => accessCiphertext.subarray(0, -1));
      await expect(token()).rejects.toThrow(NowggConfigurationError);
      expect(await state()).toBe('active');
    });

    it('of another grant do not open', async () => {
      const other = await under.signIn('code-2');
      const { accessCiphertext } = (await under.store.findGrant(other.grant.id)) ?? {
        accessCiphertext: Buffer.alloc(0),
      };
      await replaceAccessCt(() => Buffer.from(accessCiphertext));
      await expect(token()).rejects.toThrow(NowggConfigurationError);
    });

    it('under a key that this process does not know are for another process to open', async () => {
      await expect(token(under.anotherProcess({ encryptionKeys: [KEY_2] }))).rejects.toThrow(IdentityUnavailableError);
      expect(await state()).toBe('active');
    });
  });

  describe('start', () => {
    it('enters the sealing key, and goes on with more keys', async () => {
      await under.service.onApplicationBootstrap();
      await under.anotherProcess({ encryptionKeys: [KEY_2, KEY_1] }).onApplicationBootstrap();
      expect((await under.store.listKeyChecks()).map(({ keyId }) => keyId)).toEqual(['k1', 'k2']);
    });

    it('refuses a ring that lacks a key under which grants may be sealed, and changes no row', async () => {
      await under.service.onApplicationBootstrap();
      const without = under.anotherProcess({ encryptionKeys: [KEY_2] });
      await expect(without.onApplicationBootstrap()).rejects.toThrow(/key 'k1' is missing/);
      expect(await under.store.listKeyChecks()).toHaveLength(1);
    });

    it('refuses another key under an id that is in use', async () => {
      await under.service.onApplicationBootstrap();
      const wrong = under.anotherProcess({ encryptionKeys: [{ id: KEY_1.id, key: KEY_2.key }] });
      await expect(wrong.onApplicationBootstrap()).rejects.toThrow(/key 'k1' is not the one/);
    });
  });

  describe('shutdown', () => {
    it('waits for a call under way and for its tokens to be stored', async () => {
      const reply = deferred<TokenOutcome>();
      under.provider.answers.push(reply.promise);
      const refresh = under.service.refresh(grantId);
      await settled();
      let closed = false;
      const closing = under.service.close().then(() => (closed = true));
      await settled();
      expect(closed).toBe(false);
      reply.resolve({ status: 'tokens', tokens: under.provider.issue(undefined) });
      await closing;
      expect((await refresh).generation).toBe(2);
    });

    it('waits for a received set until the store takes it', async () => {
      const database = jest.spyOn(under.store, 'commitTokens').mockRejectedValue(new IdentityUnavailableError());
      const refresh = under.service.refresh(grantId);
      const caller = errorOf(refresh);
      await under.pass(5_000, 500);
      expect(await caller).toBeInstanceOf(IdentityUnavailableError);
      const closing = under.service.close();
      database.mockRestore();
      await under.pass(2_000, 500);
      await closing;
      expect((await under.store.findGrant(grantId))?.generation).toBe(2);
      expect(under.provider.refreshTokens).toHaveLength(1);
    });

    it('waits for no other process, and does not ask for the lease again and again', async () => {
      under.provider.answers.push(deferred<TokenOutcome>().promise);
      const holder = errorOf(under.anotherProcess().refresh(grantId));
      await settled();
      await under.service.beforeApplicationShutdown();
      const acquire = jest.spyOn(under.store, 'acquireLease');
      expect(await errorOf(under.service.refresh(grantId))).toBeInstanceOf(IdentityUnavailableError);
      expect(acquire).toHaveBeenCalledTimes(1);
      await under.pass(4_000);
      expect(await holder).toBeInstanceOf(IdentityUnavailableError);
    });

    it('gives a call up when the grace period ends, and another process repeats it', async () => {
      const sent = hangingCall(under.provider);
      const caller = errorOf(under.service.refresh(grantId));
      await settled();
      const closing = under.service.close();
      await under.pass(23_999, 1_000);
      expect(sent.signal?.aborted).toBe(false);
      await under.pass(1);
      expect(sent.signal?.aborted).toBe(true);
      await closing;
      expect(await caller).toBeInstanceOf(IdentityUnavailableError);
      await under.pass(1_000);
      expect((await under.anotherProcess().refresh(grantId)).generation).toBe(2);
      expect(new Set(under.provider.refreshTokens).size).toBe(1);
    });

    it('waits for the reply as long as it may come, where the application asks for that', async () => {
      const patient = under.anotherProcess({}, { shutdown: { graceMs: 25_000, awaitReplies: true } });
      const sent = hangingCall(under.provider);
      const caller = errorOf(patient.refresh(grantId));
      await settled();
      const closing = patient.close();
      await under.pass(50_000, 1_000);
      expect(sent.signal?.aborted).toBe(false);
      sent.reply({ status: 'tokens', tokens: under.provider.issue(undefined) });
      await closing;
      await caller;
      expect((await under.store.findGrant(grantId))?.generation).toBe(2);
    });

    it('ends in time although the provider ignores the signal and the store does not answer', async () => {
      under.provider.answers.push(deferred<TokenOutcome>().promise);
      const caller = errorOf(under.service.refresh(grantId));
      await settled();
      jest.spyOn(under.store, 'recordFailure').mockReturnValue(deferred<never>().promise);
      const closing = under.service.close();
      await under.pass(25_000, 1_000);
      await closing;
      expect(await caller).toBeInstanceOf(IdentityUnavailableError);
    });

    it('counts the grace period once, and sends nothing after it', async () => {
      hangingCall(under.provider);
      const caller = errorOf(under.service.refresh(grantId));
      await settled();
      const before = under.service.beforeApplicationShutdown();
      await under.pass(25_000, 1_000);
      await before;
      await caller;
      const calls = under.provider.refreshTokens.length;
      expect(await errorOf(under.service.refresh(grantId))).toBeInstanceOf(IdentityUnavailableError);
      await under.service.onApplicationShutdown();
      expect(under.provider.refreshTokens).toHaveLength(calls);
    });
  });
});

/** A refresh whose reply does not come until the test sends it; it ends as real calls do when its signal aborts. */
function hangingCall(provider: ScriptedProvider) {
  const outcome = deferred<TokenOutcome>();
  const reply = (value: TokenOutcome) => outcome.resolve(value);
  const call = { reply, signal: undefined as AbortSignal | undefined };
  provider.answers.push(async () => {
    call.signal = provider.lastSignal;
    call.signal?.addEventListener('abort', () => reply(inDoubt));
    return outcome.promise;
  });
  return call;
}
