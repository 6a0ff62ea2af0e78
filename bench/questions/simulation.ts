import { setImmediate } from 'node:timers/promises';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import type { TokenFacts } from '../../libs/nowgg-auth/src/principal.js';
import { CachingAuthenticator } from '../../libs/nowgg-auth/src/verification/caching-authenticator.js';
import { DEFAULTS } from '../../libs/nowgg-auth/src/options/defaults.js';
import {
  IdentityHttp,
  type IdentityHttpOutcome,
  type IdentityHttpRequest,
} from '../../libs/nowgg-auth/src/identity/identity-http.js';
import type { IdentityProvider } from '../../libs/nowgg-auth/src/identity/identity-provider.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import { nowgg } from '../../libs/nowgg-auth/src/identity/nowgg/nowgg.js';
import { jwsOf } from '../../libs/nowgg-auth/src/testing-support/fake-identity-provider.js';
import { ManualClock } from '../../libs/nowgg-auth/src/testing-support/manual-clock.js';
import {
  MemorySharedCache,
  MemorySharedEntries,
} from '../../libs/nowgg-auth/src/testing-support/memory-shared-cache.js';
import { NO_REVOCATIONS } from '../../libs/nowgg-auth/src/testing-support/no-revocations.js';
import { type Distribution, playersOf, randomNumbers } from './workload.js';

/** Processes of a game, and how requests reach them. */
export interface Deployment {
  readonly instances: number;
  readonly sharesVerdicts: boolean;
  /** Whether all requests of a player reach the same process. */
  readonly isSticky: boolean;
}

export interface Scenario extends Deployment {
  readonly distribution: Distribution;
  readonly players: number;
  readonly requestsPerMinute: number;
  /** Memory of each process, as a share of the players that it serves. */
  readonly entriesShare: number;
  /** Whether lives grow and issued tokens are known, or every verdict serves 30 seconds. */
  readonly grows: boolean;
}

export interface Counts {
  readonly requests: number;
  readonly questions: number;
  /** Questions that a shared cache with a life of exactly 30 seconds needs for the same requests. */
  readonly fixedLifeShared: number;
}

const CLIENT = { clientId: 'game', clientSecret: 'secret' };
const TOKEN_LIFE_MS = 3_600_000;
/** Time before its expiry at which a player gets a new token. */
const REFRESH_MARGIN_MS = 60_000;
const WARM_UP_MS = 600_000;
const MEASURED_MS = 3_600_000;
const FIXED_LIFE_MS = 30_000;
/** Requests after which work in the background is completed. */
const BATCH = 8;

/** Accepts every token, and counts. */
class CountingHttp extends IdentityHttp {
  questions = 0;

  override async send({ json }: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    this.questions += 1;
    const token = json?.token ?? '';
    const decodedData: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const reply = { success: true, code: 'VERIFICATION_SUCCESS', decodedData, msg: 'ok' };
    return { status: 'reply', statusCode: 200, json: reply, retryAfterMs: undefined, drop: () => undefined };
  }
}

interface PlayerToken {
  readonly text: string;
  readonly expiresAtMs: number;
}

/** A token with the documented claims, of now.gg's own life. */
function issue(player: number, issuedAtMs: number, number: number): PlayerToken {
  const iat = Math.floor(issuedAtMs / 1_000);
  const exp = iat + TOKEN_LIFE_MS / 1_000;
  const [userId, sessionId] = [`player-${player}`, `session-${player}`];
  const claims = { iss: 'https://now.gg', aud: CLIENT.clientId, scope: 'email', userId, sessionId, iat, exp };
  return { text: jwsOf({ ...claims, tokenId: `token-${number}` }), expiresAtMs: exp * 1_000 };
}

/** Tokens like those of the simulation, with their facts. */
export function issuedTokens(count: number): { readonly text: string; readonly facts: TokenFacts }[] {
  const clock = new SystemClock();
  const context = { http: new CountingHttp(), clock, clockSkewMs: DEFAULTS.verification.clockSkewMs };
  const provider = nowgg({ name: 'nowgg', ...CLIENT }).create(context);
  return Array.from({ length: count }, (_, player) => {
    const { text } = issue(player, clock.now(), player);
    const facts = provider.factsOfIssued(text, { userId: `player-${player}`, sessionId: `session-${player}` });
    if (!facts) throw new Error('the token does not state its facts');
    return { text, facts };
  });
}

/** A game with the library's own authenticators and cache, on a clock that only the simulation moves. */
class Game {
  readonly clock = new ManualClock();
  readonly http = new CountingHttp();
  readonly #scenario: Scenario;
  readonly #provider: IdentityProvider;
  readonly #instances: readonly CachingAuthenticator[];
  readonly #tokens: PlayerToken[];
  readonly #lastFixed = new Map<string, number>();
  #issued = 0;
  readonly #random: () => number;
  fixedLifeShared = 0;
  problem: string | undefined;

  constructor(scenario: Scenario, random: () => number) {
    this.#scenario = scenario;
    this.#random = random;
    const context = { http: this.http, clock: this.clock, clockSkewMs: DEFAULTS.verification.clockSkewMs };
    this.#provider = nowgg({ name: 'nowgg', ...CLIENT }).create(context);
    const entries = new MemorySharedEntries(this.clock);
    this.#instances = Array.from({ length: scenario.instances }, () => this.#start(entries));
    this.#tokens = Array.from({ length: scenario.players }, (_, player) =>
      this.#issue(player, this.clock.now() - Math.floor(random() * TOKEN_LIFE_MS)),
    );
  }

  /** A request of this player. */
  request(player: number): void {
    const { isSticky, instances, grows } = this.#scenario;
    const index = isSticky ? player % instances : Math.floor(this.#random() * instances);
    const instance = this.#instances[index] as CachingAuthenticator;
    let token = this.#tokens[player] as PlayerToken;
    if (token.expiresAtMs - REFRESH_MARGIN_MS <= this.clock.now()) {
      token = this.#issue(player, this.clock.now());
      this.#tokens[player] = token;
      if (grows) this.#prime(instance, player, token);
    }
    this.#countFixed(token.text);
    void this.#authenticate(instance, token.text);
  }

  async #authenticate(instance: CachingAuthenticator, token: string): Promise<void> {
    const verdict = await instance.authenticate(token);
    if (verdict.status !== 'valid') this.problem = `a good token was ${verdict.status}: ${verdict.reason}`;
  }

  /** As a refresh does. */
  #prime({ priming }: CachingAuthenticator, player: number, { text }: PlayerToken): void {
    const facts = this.#provider.factsOfIssued(text, { userId: `player-${player}`, sessionId: `session-${player}` });
    if (!facts) throw new Error('a refreshed token does not state its facts');
    const issuedAt = { wallMs: this.clock.now(), monotonicMs: this.clock.monotonicNow() };
    void priming.prime(text, this.#provider, facts, issuedAt);
  }

  #countFixed(token: string): void {
    const now = this.clock.monotonicNow();
    if (now - (this.#lastFixed.get(token) ?? Number.NEGATIVE_INFINITY) < FIXED_LIFE_MS) return;
    this.#lastFixed.set(token, now);
    this.fixedLifeShared += 1;
  }

  #issue(player: number, issuedAtMs: number): PlayerToken {
    this.#issued += 1;
    return issue(player, issuedAtMs, this.#issued);
  }

  #start(entries: MemorySharedEntries): CachingAuthenticator {
    const { players, entriesShare, isSticky, instances, sharesVerdicts, grows } = this.#scenario;
    const served = isSticky ? players / instances : players;
    // An hour brings each player one more token: the one before is not used again, but is still in memory.
    const maxEntries = Math.ceil((entriesShare >= 1 ? 2 : entriesShare) * served);
    const { maxAgeMs } = DEFAULTS.verification;
    return new CachingAuthenticator({
      providers: new IdentityProviders([this.#provider]),
      options: { ...DEFAULTS.verification, maxEntries, longestAgeMs: grows ? undefined : maxAgeMs },
      clock: this.clock,
      revocations: NO_REVOCATIONS,
      ...(sharesVerdicts && { sharedCache: new MemorySharedCache(entries) }),
    });
  }
}

/** Simulates an hour after a warm-up, and counts what reaches the identity system. */
export async function simulate(scenario: Scenario, seed: number): Promise<Counts> {
  const random = randomNumbers(seed);
  const game = new Game(scenario, random);
  const nextPlayer = playersOf(scenario.distribution, scenario.players, random);
  const stepMs = 60_000 / (scenario.players * scenario.requestsPerMinute);
  const play = async (ms: number) => {
    const requests = Math.round(ms / stepMs);
    for (let request = 0; request < requests; request += 1) {
      game.clock.advance(stepMs);
      game.request(nextPlayer());
      if (request % BATCH === 0) await setImmediate();
    }
    return requests;
  };
  await play(WARM_UP_MS);
  const before = { questions: game.http.questions, fixed: game.fixedLifeShared };
  const requests = await play(MEASURED_MS);
  if (game.problem !== undefined) throw new Error(game.problem);
  const questions = game.http.questions - before.questions;
  return { requests, questions, fixedLifeShared: game.fixedLifeShared - before.fixed };
}
