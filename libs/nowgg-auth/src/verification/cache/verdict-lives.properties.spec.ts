import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { factsOf, FakeIdentityProvider } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { MemorySharedCache, MemorySharedEntries } from '../../testing-support/memory-shared-cache.js';
import { NO_REVOCATIONS } from '../../testing-support/no-revocations.js';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { VERIFICATION_OPTIONS } from '../../testing-support/verification-options.js';
import { CachingAuthenticator } from '../caching-authenticator.js';
import type { AuthenticationPolicy, Verdict } from '../decision/verdict.js';

const FIRST_MS = 30_000;
const STALE_MS = 300_000;
const POLICIES: readonly AuthenticationPolicy[] = [
  {},
  { tokenType: 'token' },
  { allowStale: false },
  { maxAgeMs: 0 },
  { maxAgeMs: 20_000 },
  { maxAgeMs: 100_000 },
  { maxAgeMs: 100_000, allowStale: false },
];

const ASKS_NOW = POLICIES.findIndex(({ maxAgeMs }) => maxAgeMs === 0);

type Mood = 'accepts' | 'refuses' | 'fails';
type Step =
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'call'; readonly instance: number; readonly token: string; readonly policy: number }
  | { readonly kind: 'burst'; readonly instance: number; readonly token: string }
  | { readonly kind: 'mood'; readonly token: string; readonly mood: Mood }
  | { readonly kind: 'ban' | 'restore'; readonly token: string }
  | { readonly kind: 'restart'; readonly instance: number }
  | { readonly kind: 'redis'; readonly isDown: boolean };

const token = fc.constantFrom('a', 'b');
const instance = fc.nat({ max: 1 });
const call = fc.record({ kind: fc.constant('call' as const), instance, token, policy: fc.nat(POLICIES.length - 1) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: call },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('burst' as const), instance, token }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 20_000 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 320_000 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('mood' as const),
      token,
      mood: fc.constantFrom<Mood>('accepts', 'accepts', 'refuses', 'fails'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('ban' as const, 'restore' as const), token }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), instance }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('redis' as const), isDown: fc.boolean() }) },
);

/** What the identity system has said about a token, by the time at which it was asked. */
interface History {
  mood: Mood;
  isBanned: boolean;
  firstYes: number | undefined;
  lastYes: number | undefined;
  /** Whether a request since the last acceptance had another answer. */
  hasFailedSince: boolean;
}

/** The longest life that acceptances over this time can give: each doubling takes half of the life before. */
function longestLifeMs(acceptedForMs: number): number {
  let lifeMs = FIRST_MS;
  for (let needsMs = lifeMs / 2; acceptedForMs >= needsMs; needsMs += lifeMs / 2) {
    lifeMs = Math.min(lifeMs * 2, 300_000);
    if (lifeMs === 300_000) break;
  }
  return lifeMs;
}

/** Two processes, the verdicts that they share, and an identity system that changes its mind. */
class World {
  readonly clock = new ManualClock();
  readonly #provider = new FakeIdentityProvider();
  readonly #entries = new MemorySharedEntries(this.clock);
  readonly #histories = new Map<string, History>();
  readonly #expiresAtMs: number;
  readonly #shares: boolean;
  readonly #instances: CachingAuthenticator[];

  constructor(lifeMs: number, shares: boolean, delayMs: number) {
    this.#expiresAtMs = this.clock.now() + lifeMs;
    this.#shares = shares;
    this.#provider.grows = true;
    this.#provider.answer = (asked) => this.#answer(asked, delayMs);
    this.#instances = [this.#start(), this.#start()];
  }

  /** @returns a sentence about what must not be, or undefined */
  async run(next: Step): Promise<string | undefined> {
    switch (next.kind) {
      case 'pass':
        this.clock.advance(next.ms);
        return undefined;
      case 'call':
        return this.#call(next);
      case 'burst':
        // Many acceptances within a moment.
        for (let times = 0; times < 4; times += 1) await this.#call({ ...next, kind: 'call', policy: ASKS_NOW });
        return undefined;
      case 'mood':
        this.#of(next.token).mood = next.mood;
        return undefined;
      case 'ban':
      case 'restore':
        this.#of(next.token).isBanned = next.kind === 'ban';
        return undefined;
      case 'restart':
        this.#instances[next.instance] = this.#start();
        return undefined;
      case 'redis':
        this.#entries.isDown = next.isDown;
        return undefined;
    }
  }

  async #call({ instance: index, token: asked, policy: number }: Extract<Step, { kind: 'call' }>) {
    const policy = POLICIES[number] as AuthenticationPolicy;
    const before = { ...this.#of(asked) };
    const startedAt = this.clock.monotonicNow();
    const answer = (this.#instances[index] as CachingAuthenticator).authenticate(asked, policy);
    const isFromMemory = 'status' in answer;
    const verdict = await answer;
    const problem = this.#problemOf(verdict, { asked, policy, before, startedAt, isFromMemory });
    for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
    return problem;
  }

  #problemOf(
    { status }: Verdict,
    about: { asked: string; policy: AuthenticationPolicy; before: History; startedAt: number; isFromMemory: boolean },
  ): string | undefined {
    const { asked, policy, before, startedAt, isFromMemory } = about;
    const after = this.#of(asked);
    if (status !== 'valid') return undefined;
    if (after.isBanned) return 'a banned player passed';
    if (this.clock.now() >= this.#expiresAtMs) return 'an expired token passed';
    if (!isFromMemory && (after.lastYes ?? -1) >= startedAt) return undefined;
    if (before.lastYes === undefined || before.firstYes === undefined) return 'a token passed that was never accepted';
    const life = longestLifeMs(before.lastYes - before.firstYes);
    const fresh = Math.min(policy.maxAgeMs ?? life, policy.allowStale === false ? FIRST_MS : life, life);
    const mayBeStale = after.hasFailedSince && policy.allowStale !== false && policy.maxAgeMs !== 0;
    const most = fresh + (mayBeStale ? STALE_MS : 0);
    const ageMs = startedAt - before.lastYes;
    return ageMs < most ? undefined : `a verdict of ${ageMs} ms passed where ${most} is the limit`;
  }

  #answer(asked: string, delayMs: number): IdentityVerdict {
    const history = this.#of(asked);
    const sentAt = this.clock.monotonicNow();
    this.clock.advance(delayMs);
    if (history.mood !== 'accepts') {
      history.hasFailedSince = true;
      return history.mood === 'fails'
        ? { status: 'unknown', reason: 'timeout' }
        : { status: 'invalid', reason: 'invalid_token' };
    }
    history.firstYes ??= sentAt;
    history.lastYes = sentAt;
    history.hasFailedSince = false;
    return { status: 'valid', facts: factsOf({ userId: asked, expiresAtMs: this.#expiresAtMs }) };
  }

  #of(asked: string): History {
    const known = this.#histories.get(asked);
    if (known) return known;
    const history: History = {
      mood: 'accepts',
      isBanned: false,
      firstYes: undefined,
      lastYes: undefined,
      hasFailedSince: false,
    };
    this.#histories.set(asked, history);
    return history;
  }

  #start(): CachingAuthenticator {
    return new CachingAuthenticator({
      providers: new IdentityProviders([this.#provider]),
      options: { ...VERIFICATION_OPTIONS, circuit: false, maxEntries: 4, negativeMaxEntries: 4 },
      clock: this.clock,
      revocations: { ...NO_REVOCATIONS, refuses: ({ userId }) => this.#of(userId).isBanned },
      ...(this.#shares && { sharedCache: new MemorySharedCache(this.#entries) }),
    });
  }
}

async function problemIn(steps: readonly Step[], world: World): Promise<string | undefined> {
  for (const next of steps) {
    const problem = await world.run(next);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

describe('the life of verdicts, whatever happens', () => {
  it('no process uses a verdict longer than its life after the last acceptance, nor past a ban or a refusal', async () => {
    const lifeMs = fc.constantFrom(100_000, 900_000, 3_600_000);
    const steps = fc.array(step, { minLength: 5, maxLength: 60, size: 'max' });
    const shares = fc.boolean();
    const delayMs = fc.constantFrom(0, 0, 700);
    let problem: string | undefined;
    const property = fc.asyncProperty(lifeMs, shares, delayMs, steps, async (life, isShared, delay, given) => {
      problem = await problemIn(given, new World(life, isShared, delay));
      return problem === undefined;
    });
    const { counterexample } = await fc.check(property, { numRuns: propertyRuns(300) });
    expect([problem, counterexample]).toEqual([undefined, null]);
  }, 240_000);
});
