import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { factsOf, FakeIdentityProvider, jwsOf } from '../../testing-support/fake-identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { NO_REVOCATIONS } from '../../testing-support/no-revocations.js';
import { VERIFICATION_OPTIONS } from '../../testing-support/verification-options.js';
import { CachingAuthenticator } from '../caching-authenticator.js';
import type { Verdict } from '../decision/verdict.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

const PLAYERS = 6;

/** The events of the model. Times are milliseconds that pass before the event. */
type Step =
  | { readonly kind: 'play'; readonly player: number; readonly afterMs: number; readonly now: boolean }
  | { readonly kind: 'forge'; readonly id: number; readonly afterMs: number }
  | { readonly kind: 'silence'; readonly player: number; readonly afterMs: number };

const afterMs = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 900 }), fc.integer({ min: 1_000, max: 40_000 }));
const play = fc.record({
  kind: fc.constant('play' as const),
  player: fc.nat(PLAYERS - 1),
  afterMs,
  now: fc.boolean(),
});
const forge = fc.record({ kind: fc.constant('forge' as const), id: fc.nat(40), afterMs });
/** Tokens that are not remembered when the secret changes. */
const forgeNew = fc.record({ kind: fc.constant('forge' as const), id: fc.integer({ min: 100, max: 140 }), afterMs });
const silence = fc.record({ kind: fc.constant('silence' as const), player: fc.nat(PLAYERS - 1), afterMs });

/** An identity system where a test can revoke players, and can change whether our secret is accepted. */
class World {
  readonly clock = new ManualClock();
  readonly provider = new FakeIdentityProvider();
  readonly revoked = new Set<string>();
  /** Players about whom the identity system gives no clean answer. */
  readonly silent = new Set<string>();
  secretIsGood = true;
  /** The arrival of each request and its player; requests of a forger have no player. */
  readonly asked: { readonly player: string | undefined; readonly atMs: number }[] = [];
  readonly authenticator: CachingAuthenticator;
  readonly #tokens = Array.from({ length: PLAYERS }, (_, player) => jwsOf({ aud: 'nowgg', userId: `p${player}` }));

  constructor() {
    this.provider.answer = (token) => this.#answer(token);
    this.authenticator = new CachingAuthenticator({
      providers: new IdentityProviders([this.provider]),
      options: VERIFICATION_OPTIONS,
      clock: this.clock,
      revocations: NO_REVOCATIONS,
    });
  }

  async play(player: number, now = false): Promise<Verdict> {
    return this.authenticator.authenticate(this.#tokens[player] as string, now ? { maxAgeMs: 0 } : {});
  }

  async forge(id: number): Promise<Verdict> {
    return this.authenticator.authenticate(jwsOf({ aud: 'nowgg', forged: id }));
  }

  async signInAll(): Promise<void> {
    for (let player = 0; player < PLAYERS; player += 1) await this.play(player);
  }

  /** The maximum number of requests about players that were sent within any one second. */
  mostPerSecond(questions: readonly { readonly atMs: number }[]): number {
    return Math.max(0, ...questions.map(({ atMs }) => within(questions, atMs)));
  }

  #answer(token: string): IdentityVerdict {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as {
      userId?: string;
    };
    const player = claims.userId;
    this.asked.push({ player, atMs: this.clock.monotonicNow() });
    if (player !== undefined && this.silent.has(player)) return { status: 'unknown', reason: 'invalid_response' };
    if (!this.secretIsGood || player === undefined || this.revoked.has(player)) {
      return { status: 'invalid', reason: 'invalid_token' };
    }
    return { status: 'valid', facts: factsOf({ userId: player, expiresAtMs: this.clock.now() + 86_400_000 }) };
  }
}

function within(questions: readonly { readonly atMs: number }[], fromMs: number): number {
  return questions.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 1_000).length;
}

const steps = (...kinds: fc.Arbitrary<Step>[]) => fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 60 });

/** Lets background requests end. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

async function run(world: World, script: readonly Step[], seen: (step: Step, verdict: Verdict) => void): Promise<void> {
  for (const step of script) {
    world.clock.advance(step.afterMs);
    if (step.kind === 'silence') world.silent.add(`p${step.player}`);
    else seen(step, step.kind === 'play' ? await world.play(step.player, step.now) : await world.forge(step.id));
    await settle();
  }
}

describe('whatever a forger does while the secret is good', () => {
  it('causes at most one canary a second, no doubt about an accepted token, and gets a 401', async () => {
    await fc.assert(
      fc.asyncProperty(steps(forge, forge, forge, play), async (script) => {
        const world = new World();
        await world.signInAll();
        const sent = world.asked.length;
        let plays = 0;
        await run(world, script, (step, verdict) => {
          if (step.kind === 'play') plays += 1;
          expect(verdict.status).toBe(step.kind === 'play' ? 'valid' : 'invalid');
        });
        // Requests about players are those of players who came, and canaries.
        const aboutPlayers = world.asked.slice(sent).filter(({ player }) => player !== undefined);
        expect(world.mostPerSecond(aboutPlayers)).toBeLessThanOrEqual(plays + 1);
      }),
      { numRuns: propertyRuns(60) },
    );
  });

  it('causes one canary a second by a flood', async () => {
    const world = new World();
    await world.signInAll();
    const sent = world.asked.length;
    for (let id = 0; id < 400; id += 1) {
      world.clock.advance(25);
      expect(await world.forge(id)).toMatchObject({ status: 'invalid' });
    }
    const canaries = world.asked.slice(sent).filter(({ player }) => player !== undefined);
    expect(world.mostPerSecond(canaries)).toBe(1);
    expect(canaries.length).toBeLessThanOrEqual(10);
  });
});

describe('a secret that is wrong', () => {
  it('refuses two strangers of a new process and no other caller', async () => {
    await fc.assert(
      fc.asyncProperty(steps(forge, play), async (script) => {
        const world = new World();
        world.secretIsGood = false;
        const refused = new Set<string>();
        await run(world, script, (step, verdict) => {
          expect(verdict.status).not.toBe('valid');
          const id = step.kind === 'forge' ? `forged ${step.id}` : `player ${(step as { player: number }).player}`;
          if (verdict.status === 'invalid') refused.add(id);
        });
        expect(refused.size).toBeLessThanOrEqual(2);
      }),
      { numRuns: propertyRuns(60) },
    );
  });

  it('refuses no known player, and at most two strangers, when it becomes wrong while players play', async () => {
    await fc.assert(
      fc.asyncProperty(steps(forge, play, silence), steps(forgeNew, play), async (before, after) => {
        const world = new World();
        await world.signInAll();
        await run(world, before, () => undefined);
        // A canary's answer applies for a second: its decisions before the change are not counted.
        world.clock.advance(1_000);
        world.secretIsGood = false;
        const refused = new Set<number>();
        const players = new Set<string>();
        await run(world, after, (step, verdict) => {
          if (step.kind === 'forge' && verdict.status === 'invalid') refused.add(step.id);
          if (step.kind === 'play') players.add(verdict.status);
        });
        expect(players).not.toContain('invalid');
        expect(refused.size).toBeLessThanOrEqual(2);
      }),
      { numRuns: propertyRuns(60) },
    );
  });

  it('lets all players in again with the first question after it is put right', async () => {
    const world = new World();
    await world.signInAll();
    world.secretIsGood = false;
    for (let second = 0; second < 120; second += 1) {
      world.clock.advance(1_000);
      expect(await world.play(second % PLAYERS)).toMatchObject({ status: 'valid' });
      expect((await world.play(second % PLAYERS, true)).status).toBe('unknown');
      await settle();
    }
    world.secretIsGood = true;
    world.clock.advance(5_000);
    expect(await world.play(0, true)).toMatchObject({ status: 'valid' });
    expect(await world.forge(1)).toMatchObject({ status: 'invalid' });
  });
});

describe('a newcomer who is turned away while the secret is wrong', () => {
  it('is let in within two seconds after it is right, whichever players a process knows besides', async () => {
    await fc.assert(
      // With one known player alone, an acceptance within ten minutes is enough for the refusal of a stranger.
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 2 }), async (others) => {
        const world = new World();
        for (const player of others) await world.play(player);
        world.secretIsGood = false;
        for (let id = 0; id < 4; id += 1) await world.forge(id);
        for (const player of others) await world.play(player, true);
        await settle();
        expect((await world.play(PLAYERS - 1)).status).toBe('unknown');
        await settle();
        world.clock.advance(500);
        world.secretIsGood = true;
        const verdicts: string[] = [];
        for (let each = 0; each < 5; each += 1) {
          verdicts.push((await world.play(PLAYERS - 1)).status);
          await settle();
          world.clock.advance(500);
        }
        expect(verdicts.at(-1)).toBe('valid');
      }),
      { numRuns: propertyRuns(30) },
    );
  });
});

describe('a revocation at the identity system', () => {
  it('is seen at the second look two seconds later, whatever else goes on', async () => {
    await fc.assert(
      fc.asyncProperty(steps(forge, play), steps(forge, play), async (before, between) => {
        const world = new World();
        await world.signInAll();
        const others = ({ kind, ...step }: Step) => kind !== 'play' || (step as { player: number }).player !== 0;
        await run(world, before, () => undefined);
        world.clock.advance(31_000);
        world.revoked.add('p0');
        expect((await world.play(0, true)).status).toBe('unknown');
        const players = new Set(['valid']);
        await run(world, between.filter(others), (step, verdict) => {
          if (step.kind === 'play') players.add(verdict.status);
        });
        expect(players).toEqual(new Set(['valid']));
        world.clock.advance(2_000);
        expect(await world.play(0, true)).toEqual({ status: 'invalid', reason: 'invalid_token' });
        expect(await world.play(0)).toEqual({ status: 'invalid', reason: 'invalid_token' });
      }),
      { numRuns: propertyRuns(60) },
    );
  });

  it('reaches routes that take older verdicts without a request that demands a new one', async () => {
    const world = new World();
    await world.signInAll();
    world.revoked.add('p0');
    const verdicts: string[] = [];
    for (let second = 0; second < 40; second += 1) {
      world.clock.advance(1_000);
      verdicts.push((await world.play(0)).status);
      await settle();
    }
    const at = verdicts.indexOf('invalid');
    expect(at).toBeGreaterThan(18);
    expect(at).toBeLessThan(30);
    expect(new Set(verdicts.slice(at))).toEqual(new Set(['invalid']));
  });

  it('is believed where no other player is known, within ten minutes of an acceptance', async () => {
    const world = new World();
    await world.play(0);
    world.revoked.add('p0');
    world.clock.advance(60_000);
    expect(await world.play(0)).toMatchObject({ status: 'valid' });
    world.clock.advance(60_000);
    expect(await world.play(0)).toEqual({ status: 'invalid', reason: 'invalid_token' });
  });
});
