import { beforeEach, describe, expect, it } from '@jest/globals';
import { IdentityHttp, type IdentityHttpOutcome, type IdentityHttpRequest } from '../../identity/identity-http.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { nowgg } from '../../identity/nowgg/nowgg.js';
import { jwsOf } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { NO_REVOCATIONS } from '../../testing-support/no-revocations.js';
import { VERIFICATION_OPTIONS } from '../../testing-support/verification-options.js';
import { CachingAuthenticator } from '../caching-authenticator.js';
import type { Verdict } from '../decision/verdict.js';

/** Waves of forged tokens before each request of a player, and the tokens of a wave. */
const WAVES = 6;
const FLOOD = 5;

/** now.gg with one client, whose secret it may replace at any time. */
class ReplacingNowgg extends IdentityHttp {
  secret = 'old';
  /** The claims of each token. */
  readonly #issued = new Map<string, Record<string, unknown>>();
  /** A request that is answered only when this is called. */
  hold: Promise<void> | undefined;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    super();
    this.#clock = clock;
  }

  override async send({ json }: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    const { token = '', client_secret: secret } = json as { token?: string; client_secret?: string };
    const claims = this.#issued.get(token);
    const isRight = secret === this.secret && claims !== undefined;
    const { hold } = this;
    this.hold = undefined;
    await (hold ?? new Promise((resolve) => setImmediate(resolve)));
    const reply = isRight
      ? { success: true, code: 'VERIFICATION_SUCCESS', decodedData: structuredClone(claims), msg: 'ok' }
      : { success: false, code: 'INVALID_TOKEN', msg: 'no' };
    return { status: 'reply', statusCode: 200, json: reply, retryAfterMs: undefined, drop: () => undefined };
  }

  newToken(userId: string): string {
    const claims = this.#claimsOf(userId);
    const token = jwsOf(claims);
    this.#issued.set(token, claims);
    return token;
  }

  newOpaqueToken(userId: string): string {
    const token = `opaque-token-of-${userId}`;
    this.#issued.set(token, this.#claimsOf(userId));
    return token;
  }

  forgedToken(id: number): string {
    return jwsOf({ ...this.#claimsOf('forged'), tokenId: `forged ${id}` });
  }

  #claimsOf(userId: string): Record<string, unknown> {
    const nowS = Math.floor(this.#clock.now() / 1_000);
    return {
      iss: 'https://now.gg',
      tokenId: `t-${userId}`,
      aud: 'game',
      sessionId: `s-${userId}`,
      userId,
      scope: 'email',
      iat: nowS,
      exp: nowS + 3_600,
    };
  }
}

let clock: ManualClock;
let server: ReplacingNowgg;
let authenticator: CachingAuthenticator;

beforeEach(() => {
  clock = new ManualClock();
  server = new ReplacingNowgg(clock);
  const definition = nowgg({ clientId: 'game', clientSecret: ['new', 'old'] });
  authenticator = new CachingAuthenticator({
    providers: new IdentityProviders([definition.create({ http: server, clock, clockSkewMs: 5_000 })]),
    options: VERIFICATION_OPTIONS,
    clock,
    revocations: NO_REVOCATIONS,
  });
});

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
const play = async (token: string): Promise<Verdict> => authenticator.authenticate(token);
const playNow = async (token: string): Promise<Verdict> => authenticator.authenticate(token, { maxAgeMs: 0 });

describe('a client secret that now.gg replaces by one that is configured', () => {
  it('is found within three seconds, however many forged tokens come at the same time', async () => {
    const players = Array.from({ length: 10 }, (_, id) => server.newToken(`p${id}`));
    for (const token of players) expect(await play(token)).toMatchObject({ status: 'valid' });
    clock.advance(1_000);
    server.secret = 'new';
    let forged = 0;
    for (let step = 0; step < 30; step += 1) {
      clock.advance(100);
      // More forged tokens than there are trials in a second, before each request of a player.
      for (let wave = 0; wave < WAVES; wave += 1) {
        await Promise.all(Array.from({ length: FLOOD }, async () => play(server.forgedToken((forged += 1)))));
      }
      const player = await playNow(players[step % 10] as string);
      expect(player.status).not.toBe('invalid');
      await settle();
    }
    const newcomer = play(server.newToken('newcomer'));
    expect(await newcomer).toMatchObject({ status: 'valid' });
    for (const token of players) expect(await playNow(token)).toMatchObject({ status: 'valid' });
  });

  it('is found where no token can be read', async () => {
    expect(await play(server.newToken('first'))).toMatchObject({ status: 'valid' });
    const players = Array.from({ length: 4 }, (_, id) => server.newOpaqueToken(`p${id}`));
    for (const token of players) expect(await play(token)).toMatchObject({ status: 'valid' });
    clock.advance(1_000);
    server.secret = 'new';
    for (let step = 0; step < 4; step += 1) {
      clock.advance(1_000);
      expect((await playNow(players[step] as string)).status).not.toBe('invalid');
      await settle();
    }
    expect(await playNow(players[0] as string)).toMatchObject({ status: 'valid' });
  });

  it('is found although an acceptance of the old one arrives late', async () => {
    const players = Array.from({ length: 4 }, (_, id) => server.newToken(`p${id}`));
    for (const token of players) expect(await play(token)).toMatchObject({ status: 'valid' });
    clock.advance(1_000);
    let answer: () => void = () => undefined;
    server.hold = new Promise((resolve) => {
      answer = resolve;
    });
    const late = playNow(players[3] as string);
    await settle();
    // No canary can be asked now, so that the doubt is not over before the late answer.
    server.secret = 'neither';
    for (const token of players.slice(0, 2)) expect((await playNow(token)).status).toBe('unknown');
    await settle();
    answer();
    await late;
    server.secret = 'new';
    for (let step = 0; step < 2; step += 1) {
      clock.advance(1_000);
      await playNow(players[2] as string);
      await settle();
    }
    clock.advance(5_000);
    expect(await playNow(players[0] as string)).toMatchObject({ status: 'valid' });
  });
});
