import { describe, expect, it } from '@jest/globals';
import { judgeRefusal, type RefusalEvidence } from './refusal.js';
import { DEFAULT_TIMING } from '../calls/refresh-timing.js';

const MINUTE = 60_000;
const DOUBT_MS = 45_000;
const judge = (grant: Partial<RefusalEvidence['grant']>, evidence: Partial<RefusalEvidence> = {}) =>
  judgeRefusal(
    {
      grant: { failCount: 0, failCountedAtMs: undefined, readAtMs: 100 * MINUTE, ...grant },
      isFinal: false,
      predecessorInDoubt: false,
      clientSucceededAtMs: 99 * MINUTE,
      ...evidence,
    },
    DEFAULT_TIMING,
    DOUBT_MS,
  );

describe('judgeRefusal', () => {
  it('ends a grant at once on a definite no', () => {
    expect(judge({}, { isFinal: true })).toMatchObject({ state: 'needs_reauth', counted: true });
  });

  it('takes no refusal at its word, however definite, while an earlier attempt is in doubt', () => {
    const judgement = judge({ failCount: 2 }, { isFinal: true, predecessorInDoubt: true });
    expect(judgement).toEqual({ state: 'suspect', failCount: 2, counted: false, retryInMs: DOUBT_MS });
  });

  it('counts the first indefinite refusal and only suspects', () => {
    expect(judge({})).toEqual({ state: 'suspect', failCount: 1, counted: true, retryInMs: MINUTE });
  });

  it('does not count a second one within ten minutes', () => {
    const judgement = judge({ failCount: 1, failCountedAtMs: 90 * MINUTE + 1 });
    expect(judgement).toMatchObject({ state: 'suspect', failCount: 1, counted: false });
  });

  it('does not count one when the client has had no success since the last that counted', () => {
    const evidence = { clientSucceededAtMs: 80 * MINUTE };
    expect(judge({ failCount: 2, failCountedAtMs: 80 * MINUTE }, evidence)).toMatchObject({ counted: false });
    expect(judge({ failCount: 2, failCountedAtMs: 80 * MINUTE }, { clientSucceededAtMs: undefined })).toMatchObject({
      state: 'suspect',
    });
  });

  it('ends a grant with the third one that counts', () => {
    expect(judge({ failCount: 1, failCountedAtMs: 90 * MINUTE })).toMatchObject({ state: 'suspect', failCount: 2 });
    expect(judge({ failCount: 2, failCountedAtMs: 90 * MINUTE })).toMatchObject({
      state: 'needs_reauth',
      failCount: 3,
    });
  });
});
