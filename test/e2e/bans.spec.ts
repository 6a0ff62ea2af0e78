import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NowggRevocationService, NowggTokenService, UserBannedError } from 'nestjs-nowgg-auth';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { EMULATED_CLIENT, GameWithRoutes, type SignedIn } from '../support/game/game-with-routes.js';

const MINUTE = 60_000;
/** `NOWGG_COMEBACKS=10000 npm test -- --long test/postgres/sockets test/e2e/bans` is the campaign. */
const COMEBACKS = Number(process.env.NOWGG_COMEBACKS ?? 50);
const AT_ONCE = 25;
const REASON = { code: 'cheating', text: 'Aim <script>help</script> "was" found 🎯' };

describe.each(['express', 'fastify'])('a banned player on %s', (platform) => {
  let emulator: NowggEmulator;
  let game: GameWithRoutes;
  let clock: OffsetClock;
  let player: SignedIn;
  let until: Date;

  const revocations = () => game.app.get(NowggRevocationService);
  const ban = (reason: typeof REASON | false = REASON) =>
    revocations().revoke({ userId: player.user.userId }, { until, ...(reason && { reason }), by: 'desk-7' });
  const login = (userId = player.user.userId) => game.post('login', { code: emulator.issueCode({ userId }) });
  const banned = () => ({
    statusCode: 403,
    message: 'the player is banned',
    errorCode: 'user_banned',
    reasonCode: 'cheating',
    text: REASON.text,
    until: until.toISOString(),
  });
  const codeOf = async (response: Promise<Response>) =>
    ((await (await response).json()) as { errorCode: string }).errorCode;

  beforeAll(async () => {
    clock = new OffsetClock();
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    const tokens = { encryptionKeys: [{ id: 'k1', key: strongKey(1) }], refusedCodesPerMinute: 100_000 };
    game = await GameWithRoutes.start(emulator, { clock, tokens }, platform);
  });

  beforeEach(async () => {
    until = new Date(clock.now() + 10 * MINUTE);
    player = await game.signIn();
  });

  afterAll(async () => {
    await game.close();
    await emulator.close();
  });

  it('sees reason and end at every door: a route, account data, refresh and a new sign-in', async () => {
    await game.get('game', player.token);
    await ban();
    const doors = {
      route: () => game.get('game', player.token),
      me: () => game.get('auth/me', player.token),
      userinfo: () => game.get('auth/userinfo', player.token),
      refresh: () => game.post('refresh', { session: player.session }),
      login: () => login(),
      'a token of another sign-in': () => game.get('game', emulator.issueTokens({ userId: player.user.userId }).token),
    };
    for (const [door, open] of Object.entries(doors)) {
      const response = await open();
      expect([door, response.status, await response.json()]).toEqual([door, 403, banned()]);
      expect([door, response.headers.get('cache-control')]).toEqual([door, 'no-store']);
      expect([door, response.headers.get('www-authenticate')]).toEqual([door, null]);
    }
    expect((await game.post('logout', { session: player.session })).status).toBe(204);
  });

  it('is told the new reason after a second ban, and none after one without', async () => {
    await ban();
    expect(await (await game.get('game', player.token)).json()).toEqual(banned());
    await ban({ code: 'insults', text: 'Ask the desk.' });
    expect(await (await game.get('game', player.token)).json()).toMatchObject({ reasonCode: 'insults' });
    await ban(false);
    const body = (await (await game.get('game', player.token)).json()) as object;
    expect(Object.keys(body).toSorted()).toEqual(['errorCode', 'message', 'statusCode', 'until']);
  });

  it('gets in again when the ban ends, by itself and at its time, and at once when it is lifted', async () => {
    await ban();
    expect(await codeOf(login())).toBe('user_banned');
    clock.advance(until.getTime() - clock.now() - 1_000);
    expect(await codeOf(login())).toBe('user_banned');
    clock.advance(1_000);
    expect((await login()).status).toBe(200);
    until = new Date(clock.now() + 10 * MINUTE);
    await ban();
    expect(await codeOf(login())).toBe('user_banned');
    await revocations().restore({ userId: player.user.userId }, { by: 'desk-8' });
    expect((await login()).status).toBe(200);
  });

  it('learns nothing by a token or a session that had ended before: these are revoked ones', async () => {
    const [signedOut, session] = [player.token, player.session];
    await game.post('logout', { session });
    expect(await codeOf(game.get('game', signedOut))).toBe('revoked_token');
    // The ban begins later than the sign-out, by the clock of the store.
    clock.advance(1_000);
    await ban();
    expect(await codeOf(game.get('game', signedOut))).toBe('revoked_token');
    expect(await codeOf(game.post('refresh', { session }))).toBe('reauthentication_required');
    expect(await codeOf(game.get('game', emulator.issueTokens({ userId: player.user.userId }).token))).toBe(
      'user_banned',
    );
  });

  it('learns nothing by a token that is not good: expired, unknown, or a handle of no session', async () => {
    const short = emulator.issueTokens({ userId: player.user.userId, lifetimeSeconds: 1 }).token;
    await ban();
    clock.advance(2_000);
    expect(await codeOf(game.get('game', short))).toBe('expired_token');
    expect(await codeOf(game.get('game', 'not-a-token'))).toBe('invalid_token');
    expect(await codeOf(game.post('refresh', { session: `${player.session.slice(0, -2)}xx` }))).toBe(
      'reauthentication_required',
    );
    expect(await codeOf(game.post('login', { code: 'not-a-code' }))).toBe('invalid_grant');
  });

  it('is told to the application too, which sees who banned', async () => {
    await ban();
    const code = emulator.issueCode({ userId: player.user.userId });
    const error: unknown = await game.app
      .get(NowggTokenService)
      .exchangeCode(code)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserBannedError);
    expect((error as UserBannedError).ban).toEqual({ until, reasonCode: 'cheating', text: REASON.text });
    expect(await revocations().findBan({ userId: player.user.userId })).toEqual({
      until,
      reasonCode: 'cheating',
      text: REASON.text,
      by: 'desk-7',
      beganAt: expect.any(Date),
    });
    expect(await revocations().findBan({ userId: 'another' })).toBeUndefined();
  });

  it(
    'is let in by no new code, no new token and no session of before',
    async () => {
      await ban();
      const doors = [
        login,
        () => game.post('refresh', { session: player.session }),
        () => game.get('game', player.token),
        () => game.get('game', emulator.issueTokens({ userId: player.user.userId }).token),
      ];
      for (let tried = 0; tried < COMEBACKS; tried += AT_ONCE) {
        const answers = await Promise.all(
          Array.from({ length: AT_ONCE }, async (_, at) => (doors[at % doors.length] ?? login)()),
        );
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([403]));
        const codes = answers.map(async (answer) => ((await answer.json()) as { errorCode: string }).errorCode);
        expect(new Set(await Promise.all(codes))).toEqual(new Set(['user_banned']));
      }
    },
    60_000 + COMEBACKS * 50,
  );

  it('does not touch another player', async () => {
    const other = await game.signIn();
    await ban();
    expect((await game.get('game', other.token)).status).toBe(200);
    expect((await game.post('refresh', { session: other.session })).status).toBe(200);
  });
});

describe("revocation.explainBans: 'sign_in'", () => {
  it('tells a banned player at a sign-in only', async () => {
    const emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    const game = await GameWithRoutes.start(emulator, { revocation: { explainBans: 'sign_in' } });
    try {
      const { token, session, user } = await game.signIn();
      const { userId } = user;
      await game.app.get(NowggRevocationService).revoke({ userId }, { until: new Date('2099-01-01'), reason: REASON });
      const bodies = [
        await game.get('game', token),
        await game.post('refresh', { session }),
        await game.post('login', { code: emulator.issueCode({ userId }) }),
      ].map(async (response) => (await response.json()) as { errorCode: string; reasonCode?: string });
      expect((await Promise.all(bodies)).map(({ errorCode, reasonCode }) => [errorCode, reasonCode])).toEqual([
        ['revoked_token', undefined],
        ['reauthentication_required', undefined],
        ['user_banned', 'cheating'],
      ]);
    } finally {
      await game.close();
      await emulator.close();
    }
  });
});
