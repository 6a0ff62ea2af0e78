import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { principalOf } from '../../principal.js';
import { factsOf } from '../../testing-support/fake-identity-provider.js';
import { TokenLives } from './token-lives.js';
import { endOf, type RevocationKind, timesOf, type Watermark } from './watermark.js';
import { Watermarks } from './watermarks.js';
import { credentialIdOf, tokenDigest } from '../../identity/token-text.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

const HOUR_MS = 3_600_000;
const LIFE_MS = 24 * HOUR_MS;

/** The tokens that a list of marks refuses, by the rules alone. */
class ReferenceMarks {
  readonly #marks = new Map<string, Watermark>();

  apply(mark: Watermark): void {
    this.#marks.set(`${mark.provider}/${mark.kind}/${mark.id}`, mark);
  }

  /** @param endedToo whether marks that have ended still count: they may be dropped, or not yet */
  refuse(token: TokenDraw, nowMs: number, endedToo: boolean): boolean {
    const subjects: [RevocationKind, string][] = [
      ['user', token.userId],
      ['session', token.sessionId],
      ['token', token.tokenId],
      ['credential', credentialIdOf(token.text)],
    ];
    return subjects.some(([kind, id]) => {
      const mark = this.#marks.get(`${token.provider}/${kind}/${id}`);
      if (!mark || (!endedToo && endOf(kind, timesOf(mark), LIFE_MS) <= nowMs)) return false;
      if (mark.refusedUntilMs !== undefined && nowMs < mark.refusedUntilMs) return true;
      if (mark.issuedUntilMs === undefined) return false;
      const markedAtMs = mark.markedAtMs ?? mark.issuedUntilMs;
      if (token.begunAtMs !== undefined && token.begunAtMs > markedAtMs) return false;
      if (kind === 'token' || kind === 'credential') return true;
      return token.issuedAtMs === undefined || token.issuedAtMs <= mark.issuedUntilMs;
    });
  }
}

const few = (prefix: string) => fc.integer({ min: 0, max: 12 }).map((n) => `${prefix}${n}`);
const time = fc.integer({ min: 0, max: 60 }).map((hours) => hours * HOUR_MS);
const markDraw = fc
  .record({
    provider: fc.constantFrom('nowgg', 'web'),
    kind: fc.constantFrom<RevocationKind>('user', 'session', 'token', 'credential'),
    name: few('x'),
    issuedUntilMs: fc.option(time, { nil: undefined }),
    refusedUntilMs: fc.option(time, { nil: undefined }),
    markedAtMs: fc.option(time, { nil: undefined }),
    notAfterMs: fc.option(time, { nil: undefined }),
  })
  .map(({ name, ...mark }): Watermark => ({ ...mark, id: mark.kind === 'credential' ? credentialIdOf(name) : name }));
const tokenDraw = fc.record({
  provider: fc.constantFrom('nowgg', 'web'),
  userId: few('x'),
  sessionId: few('x'),
  tokenId: few('x'),
  text: few('x'),
  issuedAtMs: fc.option(time, { nil: undefined }),
  begunAtMs: fc.option(time, { nil: undefined }),
});
type TokenDraw = typeof tokenDraw extends fc.Arbitrary<infer T> ? T : never;
const stepDraw = fc.oneof(
  fc.record({ do: fc.constant('apply' as const), mark: markDraw }),
  fc.record({ do: fc.constant('ask' as const), token: tokenDraw }),
  fc.record({ do: fc.constant('pass' as const), hours: fc.integer({ min: 0, max: 8 }) }),
);

describe('watermarks', () => {
  it('refuse what the rules refuse, whatever is marked, lifted and asked while time passes', () => {
    const counterexample = fc.check(
      fc.property(fc.array(stepDraw, { maxLength: 120 }), (steps) => {
        const [marks, reference] = [new Watermarks(new TokenLives()), new ReferenceMarks()];
        let nowMs = 10 * HOUR_MS;
        return steps.every((step) => {
          if (step.do === 'apply') {
            marks.apply(step.mark, nowMs);
            // A mark that has ended when it is read has no effect.
            const isOver = endOf(step.mark.kind, timesOf(step.mark), LIFE_MS) <= nowMs;
            reference.apply(isOver ? { ...step.mark, issuedUntilMs: undefined, refusedUntilMs: undefined } : step.mark);
          } else if (step.do === 'pass') {
            nowMs += step.hours * HOUR_MS;
            marks.prune(nowMs);
          } else {
            const { token } = step;
            const mine = marks.refuse(principalOf(factsOf(token)), tokenDigest(token.text), nowMs, token.begunAtMs);
            if (!mine && reference.refuse(token, nowMs, false)) return false;
            if (mine && !reference.refuse(token, nowMs, true)) return false;
          }
          return true;
        });
      }),
      { numRuns: propertyRuns(1_000) },
    ).counterexample;
    expect(counterexample).toBeNull();
  }, 120_000);
});
