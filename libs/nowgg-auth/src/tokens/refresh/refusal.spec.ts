import { describe, expect, it } from '@jest/globals';
import { DEFAULT_TIMING } from '../calls/refresh-timing.js';
import type { ClientStanding } from '../store/client-standing.js';
import type { RefusalRun } from '../store/grant-record.js';
import { askAgainInMs, hasEnded, judgeRefusal, type RefusalFacts } from './refusal.js';

const SECOND = 1_000;
/** The time at which the grant is refused first. */
const T0 = 1_000_000;
const DOUBT_MS = 45 * SECOND;

const client = (facts: Partial<ClientStanding> = {}): ClientStanding => ({
  readAtMs: T0,
  succeededAtMs: T0 + SECOND,
  otherSucceededAtMs: undefined,
  refusals: 0,
  recoveredAtMs: undefined,
  firstSuccesses: 100,
  firstRefusals: 1,
  ...facts,
});
const run = (facts: Partial<RefusalRun> = {}): RefusalRun => ({
  secret: 'ours',
  count: 4,
  runs: 1,
  firstAtMs: T0,
  untilMs: T0 + 25 * SECOND,
  confirmedAtMs: undefined,
  ...facts,
});
const judge = (afterMs: number, refusal: RefusalRun | undefined, facts: Partial<RefusalFacts> = {}) =>
  judgeRefusal(
    {
      grant: { readAtMs: T0 + afterMs, refusal, refreshTokenExpiresAtMs: undefined },
      secret: 'ours',
      isFinal: false,
      predecessorInDoubt: false,
      tookMs: SECOND,
      client: client(),
      ...facts,
    },
    DEFAULT_TIMING,
    DOUBT_MS,
  );

describe('judgeRefusal', () => {
  it('ends a grant at once on a definite code', () => {
    expect(judge(0, undefined, { isFinal: true })).toMatchObject({ state: 'needs_reauth' });
  });

  it('believes no refusal, however definite, while an earlier attempt is in doubt', () => {
    const judgement = judge(25 * SECOND, run(), { isFinal: true, predecessorInDoubt: true });
    expect(judgement).toEqual({ state: 'suspect', evidence: undefined, retryInMs: DOUBT_MS });
  });

  it('follows a schedule of 0, 2, 6, 14 and 25 seconds, then one attempt a minute', () => {
    const times = [0];
    let refusal: RefusalRun | undefined;
    while (times.length < 7) {
      const at = times.at(-1) ?? 0;
      const { evidence, retryInMs } = judge(at, refusal, { client: undefined });
      const count = evidence?.count ?? 0;
      refusal = run({ count, firstAtMs: T0, untilMs: T0 + at + retryInMs });
      times.push(at + retryInMs);
    }
    expect(times.map((ms) => ms / SECOND)).toEqual([0, 2, 6, 14, 25, 85, 145]);
  });

  it('confirms with a refusal 25 seconds after the first one and a success of the client after it', () => {
    expect(judge(25 * SECOND, run()).evidence).toMatchObject({ confirmation: 'new', count: 5 });
    expect(judge(25 * SECOND - 1, run()).evidence).toMatchObject({ confirmation: 'none' });
    expect(judge(25 * SECOND, run(), { client: client({ succeededAtMs: T0 }) }).evidence).toMatchObject({
      confirmation: 'none',
    });
    expect(judge(25 * SECOND, run(), { client: undefined }).evidence).toMatchObject({ confirmation: 'none' });
  });

  it('takes no refusal for evidence that took longer than two attempts may be apart', () => {
    const slow = { tookMs: 15 * SECOND + 1 };
    expect(judge(25 * SECOND, run(), slow)).toEqual({ state: 'suspect', evidence: undefined, retryInMs: 0 });
    expect(judge(0, undefined, slow)).toEqual({ state: 'suspect', evidence: undefined, retryInMs: 0 });
    expect(judge(25 * SECOND, run(), { tookMs: 15 * SECOND }).evidence).toMatchObject({ confirmation: 'new' });
    expect(judge(0, undefined, { ...slow, isFinal: true })).toMatchObject({ state: 'needs_reauth' });
  });

  it('keeps a confirmation, however late the next refusal is', () => {
    const judgement = judge(3_600 * SECOND, run({ confirmedAtMs: T0 + 25 * SECOND }));
    expect(judgement).toMatchObject({ evidence: { confirmation: 'kept', begins: false }, retryInMs: 60 * SECOND });
  });

  it('begins again when two refusals are far apart: each may be a short fault of its own', () => {
    const late = run({ count: 1, untilMs: T0 + 2 * SECOND });
    expect(judge(17 * SECOND, late).evidence).toMatchObject({ begins: false, count: 2 });
    const judgement = judge(60 * SECOND, late);
    expect(judgement.evidence).toEqual({ secret: 'ours', count: 1, runs: 2, begins: true, confirmation: 'none' });
    expect(judgement.retryInMs).toBe(2 * SECOND);
  });

  it('confirms with the third refusal of a player who returns rarely, each after a success of the client', () => {
    const late = { count: 1, untilMs: T0 + 2 * SECOND };
    expect(judge(3_600 * SECOND, run({ ...late, runs: 2 })).evidence).toMatchObject({ runs: 3, confirmation: 'new' });
    const withoutSuccess = judge(3_600 * SECOND, run({ ...late, runs: 2 }), { client: client({ succeededAtMs: T0 }) });
    expect(withoutSuccess.evidence).toMatchObject({ runs: 2, confirmation: 'none' });
  });

  it('lets a secret that does not work change nothing of what is known under another one', () => {
    const foreign = run({ secret: 'theirs', confirmedAtMs: T0 });
    const idle = client({ succeededAtMs: undefined });
    expect(judge(SECOND, foreign, { client: idle })).toEqual({ state: 'suspect', evidence: undefined, retryInMs: 0 });
    expect(judge(SECOND, foreign).evidence).toEqual({
      secret: 'ours',
      count: 1,
      runs: 1,
      begins: true,
      confirmation: 'none',
    });
  });

  it('takes one refusal past the stated expiry of the refresh token as confirmation, and none before it', () => {
    const grant = (expiresAtMs: number) => ({
      readAtMs: T0,
      refusal: undefined,
      refreshTokenExpiresAtMs: expiresAtMs,
    });
    expect(judge(0, undefined, { grant: grant(T0) }).evidence).toMatchObject({ confirmation: 'new' });
    expect(judge(0, undefined, { grant: grant(T0 + 1) }).evidence).toMatchObject({ confirmation: 'none' });
  });
});

describe('hasEnded', () => {
  const confirmed = run({ confirmedAtMs: T0 + 25 * SECOND });
  const later = client({ succeededAtMs: T0 + 26 * SECOND });

  it('needs a success that was sent after the confirming refusal', () => {
    expect(hasEnded(confirmed, 'ours', later)).toBe(true);
    expect(hasEnded(confirmed, 'ours', client({ succeededAtMs: T0 + 25 * SECOND }))).toBe(false);
    expect(hasEnded(confirmed, 'ours', client({ succeededAtMs: undefined }))).toBe(false);
    expect(hasEnded(run(), 'ours', later)).toBe(false);
    expect(hasEnded(undefined, 'ours', later)).toBe(false);
  });

  it('needs the secret under which the grant was refused', () => {
    expect(hasEnded(confirmed, 'theirs', later)).toBe(false);
  });

  it('needs a minute in which at most a fifth of five or more first attempts were refused', () => {
    const of = (firstRefusals: number, firstSuccesses: number) =>
      hasEnded(confirmed, 'ours', { ...later, firstRefusals, firstSuccesses });
    expect([of(4, 0), of(5, 20), of(5, 19), of(500, 2_000), of(501, 2_000)]).toEqual([true, true, false, true, false]);
  });
});

describe('askAgainInMs', () => {
  const at = (afterMs: number, waitMs: number, of: Partial<RefusalRun> = {}) =>
    askAgainInMs(run(of), T0 + afterMs, waitMs);

  it('is at most five seconds in the first thirty, and honest after that', () => {
    expect([at(14 * SECOND, 11 * SECOND), at(29 * SECOND, SECOND), at(30 * SECOND, 55 * SECOND)]).toEqual([
      5 * SECOND,
      SECOND,
      55 * SECOND,
    ]);
  });

  it('is short while only a success of another player is missing', () => {
    const of = { confirmedAtMs: T0 + 25 * SECOND };
    expect([at(25 * SECOND, 60 * SECOND, of), at(40 * SECOND, 45 * SECOND, of)]).toEqual([2 * SECOND, 5 * SECOND]);
  });
});
