import { describe, expect, it } from '@jest/globals';
import type { NowggUserInfo } from '../identity/account-info.js';
import type { InfoOutcome } from '../identity/identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { AccountLine } from './account-line.js';

const INFO: InfoOutcome<NowggUserInfo> = { status: 'info', info: { userId: 'p1' } };
const SILENT: InfoOutcome<NowggUserInfo> = { status: 'unknown', reason: 'timeout' };

function world() {
  const clock = new ManualClock();
  const line = new AccountLine(clock, 3_000);
  const answers: ((outcome: InfoOutcome<NowggUserInfo>) => void)[] = [];
  const ask = async (key: string, player = key) =>
    line.ask({
      key,
      player,
      ask: () => new Promise<InfoOutcome<NowggUserInfo>>((resolve) => void answers.push(resolve)),
    });
  const askAnswered = async (key: string, outcome: InfoOutcome<NowggUserInfo>) => {
    const before = answers.length;
    const asked = ask(key);
    await Promise.resolve();
    answers[before]?.(outcome);
    return { outcome: await asked, sent: answers.length > before };
  };
  return { clock, answers, ask, askAnswered };
}

describe('the line to account endpoints', () => {
  it('sends one call for all who ask about one token at the same time', async () => {
    const { answers, ask } = world();
    const all = Array.from({ length: 32 }, async () => ask('token-1'));
    await Promise.resolve();
    expect(answers).toHaveLength(1);
    answers[0]?.(INFO);
    expect(new Set(await Promise.all(all)).size).toBe(1);
  });

  it('turns away more callers than that who ask about one token, and no other', async () => {
    const { answers, ask } = world();
    const all = Array.from({ length: 700 }, async () => ask('token-1'));
    const other = ask('token-2');
    await Promise.resolve();
    expect(answers).toHaveLength(2);
    for (const answer of answers) answer(INFO);
    const overloaded = (await Promise.all(all)).filter((outcome) => outcome.status === 'unknown');
    expect(overloaded).toHaveLength(700 - 32);
    expect(await other).toMatchObject({ status: 'info' });
  });

  it('lets one player hold a few calls and all others pass', async () => {
    const { answers, ask } = world();
    for (let n = 0; n < 100; n += 1) void ask(`token-${n}`, 'greedy');
    await Promise.resolve();
    expect(answers).toHaveLength(4);
    void ask('other');
    await Promise.resolve();
    expect(answers).toHaveLength(5);
  });

  it('stays open for other tokens when one token never has an answer', async () => {
    const { clock, askAnswered } = world();
    for (let n = 0; n < 20; n += 1) {
      await askAnswered('odd', SILENT);
      clock.advance(1_500);
    }
    expect((await askAnswered('other', INFO)).outcome).toBe(INFO);
  });

  it('is spared when several tokens in a row have no answer, then probed by one call', async () => {
    const { clock, askAnswered } = world();
    for (let n = 0; n < 5; n += 1) await askAnswered(`silent-${n}`, SILENT);
    expect(await askAnswered('next', INFO)).toMatchObject({ sent: false, outcome: { reason: 'circuit_open' } });
    clock.advance(1_000);
    expect((await askAnswered('probe', INFO)).outcome).toBe(INFO);
    expect((await askAnswered('next', INFO)).sent).toBe(true);
  });

  it('obeys a request for patience for the token that it was about', async () => {
    const { clock, askAnswered } = world();
    await askAnswered('one', { status: 'unknown', reason: 'rate_limited', retryAfterMs: 30_000 });
    clock.advance(29_000);
    expect((await askAnswered('one', INFO)).sent).toBe(false);
    expect((await askAnswered('two', INFO)).sent).toBe(true);
    clock.advance(1_000);
    expect((await askAnswered('one', INFO)).sent).toBe(true);
  });
});
