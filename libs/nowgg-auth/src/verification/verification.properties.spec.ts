import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { IdentityProviders } from '../identity/identity-providers.js';
import { DEFAULTS } from '../options/defaults.js';
import type { TokenType } from '../principal.js';
import { factsOf, FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { MemoryRevocationStore } from '../revocation/memory-revocation-store.js';
import type { Watermark } from '../revocation/marks/watermark.js';
import { RevocationFeed } from '../revocation/revocation-feed.js';
import { NO_REVOCATIONS } from '../testing-support/no-revocations.js';
import { CachingAuthenticator } from './caching-authenticator.js';
import { SingleFlight } from '../resilience/single-flight.js';
import type { AuthenticationPolicy } from './decision/verdict.js';
import { propertyRuns } from '../testing-support/property-runs.js';

const CASES = propertyRuns(3_000);
const LIMIT_MS = 240_000;

function authenticatorOf(clock: ManualClock, providers: FakeIdentityProvider[], maxEntries: number) {
  return new CachingAuthenticator({
    providers: new IdentityProviders(providers),
    options: { ...DEFAULTS.verification, circuit: false, maxEntries, negativeMaxEntries: maxEntries },
    clock,
    revocations: NO_REVOCATIONS,
  });
}

/** The first case in which the property does not hold, as small as possible; null when it holds in all cases. */
async function counterexampleOf(property: fc.IRawProperty<unknown>): Promise<unknown> {
  return (await fc.check(property, { numRuns: CASES })).counterexample;
}

describe('whatever happens', () => {
  it(
    'different providers, kinds and tokens never share an answer',
    async () => {
      const providers = ['one', 'two', 'three'].map((name) => new FakeIdentityProvider(name));
      for (const provider of providers) {
        provider.answer = (token, tokenType) => ({
          status: 'valid',
          facts: factsOf({ provider: provider.name, tokenType, userId: `${provider.name}/${tokenType}/${token}` }),
        });
      }
      // One cache for all cases, so that every case meets the entries of the others.
      const authenticator = authenticatorOf(new ManualClock(), providers, 10_000);
      const name = fc.constantFrom('one', 'two', 'three');
      const kind = fc.constantFrom<TokenType[]>('token', 'id_token');
      const token = fc.integer({ min: 0, max: 3_000 }).map((id) => id.toString(36));
      const counterexample = await counterexampleOf(
        fc.asyncProperty(name, kind, token, async (provider, tokenType, text) => {
          const verdict = await authenticator.authenticate(text, { provider, tokenType });
          return verdict.status === 'valid' && verdict.principal.userId === `${provider}/${tokenType}/${text}`;
        }),
      );
      expect(counterexample).toBeNull();
    },
    LIMIT_MS,
  );

  it(
    'no layer and no step of a clock serves a token at or past its exp',
    async () => {
      const change = fc.oneof(
        fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
        fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: -60_000, max: 60_000 }) }),
        fc.record({ kind: fc.constant('outage' as const), ms: fc.constantFrom(0, 1) }),
      );
      const policies = [{}, { maxAgeMs: 0 }, { maxAgeMs: 1_000 }, { allowStale: false }];
      const policy = fc.constantFrom<AuthenticationPolicy[]>(...policies);
      const steps = fc.array(fc.tuple(change, policy), { maxLength: 6 });
      const counterexample = await counterexampleOf(
        fc.asyncProperty(fc.integer({ min: 1, max: 90_000 }), steps, async (lifeMs, changes) => {
          const clock = new ManualClock();
          const provider = new FakeIdentityProvider();
          const authenticator = authenticatorOf(clock, [provider], 4);
          const expiresAtMs = clock.now() + lifeMs;
          let isOut = false;
          // The least strict identity system possible: it calls the token valid whatever the time.
          provider.answer = () =>
            isOut ? { status: 'unknown', reason: 'timeout' } : { status: 'valid', facts: factsOf({ expiresAtMs }) };
          for (const [{ kind, ms }, routePolicy] of changes) {
            if (kind === 'advance') clock.advance(ms);
            else if (kind === 'step') clock.stepWallClock(ms);
            else isOut = ms === 1;
            const { status } = await authenticator.authenticate('abc', routePolicy);
            if (status === 'valid' && clock.now() >= expiresAtMs) return false;
          }
          return true;
        }),
      );
      expect(counterexample).toBeNull();
    },
    LIMIT_MS,
  );

  it(
    'a route without demands gets the verdict that the full decision gives',
    async () => {
      const change = fc.oneof(
        fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 15_000 }) }),
        // Long enough for a life to grow, and to end.
        fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 15_000, max: 200_000 }) }),
        fc.record({ kind: fc.constant('step' as const), ms: fc.integer({ min: -40_000, max: 40_000 }) }),
        fc.record({ kind: fc.constantFrom('revoke' as const, 'restore' as const), ms: fc.integer({ max: 60_000 }) }),
      );
      const someTime = fc.option(fc.integer({ min: -60_000, max: 90_000 }), { nil: undefined });
      const token = fc.record({
        tokenType: fc.constantFrom<TokenType>('token', 'id_token'),
        lifeMs: fc.option(fc.integer({ min: 1, max: 600_000 }), { nil: undefined }),
        issuedMs: fc.option(fc.integer({ min: -60_000, max: 0 }), { nil: undefined }),
        authMs: someTime,
        sessionId: fc.constantFrom(undefined, 's1'),
        tokenId: fc.constantFrom(undefined, 't1'),
      });
      const subject = fc.constantFrom(
        { kind: 'user', id: 'p1' } as const,
        { kind: 'session', id: 's1' } as const,
        { kind: 'token', id: 't1' } as const,
      );
      const accepted = fc.constantFrom<TokenType[][]>(['token', 'id_token'], ['token'], ['id_token']);
      let compared = 0;
      const counterexample = await counterexampleOf(
        fc.asyncProperty(
          token,
          accepted,
          fc.array(fc.tuple(change, subject), { minLength: 1, maxLength: 8 }),
          async (facts, acceptTokenTypes, changes) => {
            const clock = new ManualClock();
            const provider = new FakeIdentityProvider();
            provider.grows = true;
            const at = (ms: number | undefined) => (ms === undefined ? undefined : clock.now() + ms);
            const verified = factsOf({
              tokenType: facts.tokenType,
              expiresAtMs: at(facts.lifeMs),
              issuedAtMs: at(facts.issuedMs),
              authTimeMs: at(facts.authMs),
              sessionId: facts.sessionId,
              tokenId: facts.tokenId,
            });
            provider.answer = () => ({ status: 'valid', facts: verified });
            const feed = new RevocationFeed(new MemoryRevocationStore(), clock);
            const authenticator = new CachingAuthenticator({
              providers: new IdentityProviders([provider]),
              options: {
                ...DEFAULTS.verification,
                circuit: false,
                maxEntries: 4,
                negativeMaxEntries: 4,
                acceptTokenTypes,
              },
              clock,
              revocations: feed,
            });
            await authenticator.authenticate('abc');
            for (const [{ kind, ms }, { kind: of, id }] of changes) {
              if (kind === 'advance') clock.advance(ms);
              else if (kind === 'step') clock.stepWallClock(ms);
              else {
                const now = clock.now();
                const isRevoked = kind === 'revoke';
                const mark: Watermark = {
                  provider: 'nowgg',
                  kind: of,
                  id,
                  markedAtMs: now,
                  issuedUntilMs: isRevoked ? now : undefined,
                  refusedUntilMs: isRevoked ? now + ms : undefined,
                };
                await feed.write([mark], async () => [mark]);
              }
              // An empty policy asks for the same as none, and is decided in full.
              const answers = [authenticator.authenticate('abc'), authenticator.authenticate('abc', {})];
              if (answers.every((answer) => 'status' in answer)) compared += 1;
              const [byShortWay, inFull] = await Promise.all(answers.map(async (answer) => answer));
              if (JSON.stringify(byShortWay) !== JSON.stringify(inFull)) return false;
            }
            return true;
          },
        ),
      );
      expect(counterexample).toBeNull();
      expect(compared).toBeGreaterThan(CASES);
    },
    LIMIT_MS,
  );

  it(
    'no answer is kept that was sent before an invalidation',
    async () => {
      const action = fc.constantFrom('join', 'start', 'land', 'invalidate');
      const counterexample = await counterexampleOf(
        fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (actions) => {
          const flights = new SingleFlight<number>();
          const pending: (() => void)[] = [];
          let now = 0;
          let invalidatedAt = 0;
          let keptTooOld = false;
          const ask = () => {
            now += 1;
            const sentAt = now;
            return new Promise<number>((resolve) => {
              pending.push(() => resolve(sentAt));
            });
          };
          const settle = (sentAt: number) => {
            keptTooOld ||= sentAt < invalidatedAt;
          };
          for (const next of actions) {
            if (next === 'join') void flights.join('k', ask, settle);
            if (next === 'start') void flights.start('k', ask, settle);
            if (next === 'land') pending.shift()?.();
            if (next === 'invalidate') {
              now += 1;
              invalidatedAt = now;
              flights.invalidate('k');
            }
            // Lets ended calls be processed, their repetition be asked and the next action meet any of these states.
            for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
          }
          return !keptTooOld;
        }),
      );
      expect(counterexample).toBeNull();
    },
    LIMIT_MS,
  );
});
