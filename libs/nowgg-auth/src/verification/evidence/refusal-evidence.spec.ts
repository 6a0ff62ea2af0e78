import { describe, expect, it } from '@jest/globals';
import { RefusalEvidence, type Ruling } from './refusal-evidence.js';

/** One process at one identity system; requests are sent and answered at the same time unless a test differs. */
class Process {
  readonly evidence = new RefusalEvidence();
  nowMs = 1_000;

  yes(sent = this.evidence.sent(this.nowMs)): void {
    this.evidence.accepted(sent);
  }

  known(player: string, sent = this.evidence.sent(this.nowMs)): Ruling {
    return this.evidence.refusedKnown({ key: `token of ${player}`, player, sent, nowMs: this.nowMs });
  }

  stranger(key: string, isPlausible = true): Ruling {
    return this.evidence.refusedStranger(key, isPlausible);
  }
}

describe('a refused stranger', () => {
  it('is believed at once, also in a new process', () => {
    expect(new Process().stranger('s')).toBe('believed');
  });

  it('is believed however many there are that cannot be tokens of ours', () => {
    const process = new Process();
    for (let each = 0; each < 20; each += 1) expect(process.stranger(`garbage ${each}`, false)).toBe('believed');
  });

  it('is believed again and again while it is the same one', () => {
    const process = new Process();
    for (let each = 0; each < 20; each += 1) expect(process.stranger('s')).toBe('believed');
  });

  it('needs a canary from the third different one on, until a question that was sent afterwards is accepted', () => {
    const process = new Process();
    const early = process.evidence.sent(process.nowMs);
    expect(['a', 'b', 'c', 'd'].map((key) => process.stranger(key))).toEqual([
      'believed',
      'believed',
      'ask_canary',
      'ask_canary',
    ]);
    process.yes(early);
    expect(process.stranger('e')).toBe('ask_canary');
    process.yes();
    expect(process.stranger('f')).toBe('believed');
  });

  it('without a canary is believed for ten minutes after an acceptance, and never before one', () => {
    const process = new Process();
    expect(process.evidence.strangerAfterCanary('none', process.nowMs)).toBe('suspect');
    process.yes();
    expect(process.evidence.strangerAfterCanary('none', process.nowMs + 600_000)).toBe('believed');
    expect(process.evidence.strangerAfterCanary('none', process.nowMs + 600_001)).toBe('suspect');
  });
});

describe('a refused known token', () => {
  it('is believed when it is asked about two seconds later and another question was accepted in between', () => {
    const process = new Process();
    process.yes();
    expect(process.known('p')).toBe('once');
    process.yes();
    process.nowMs += 1_999;
    expect(process.known('p')).toBe('once');
    process.nowMs += 1;
    expect(process.known('p')).toBe('believed');
  });

  it('needs a canary when the acceptance in between was sent before the first refusal arrived', () => {
    const process = new Process();
    const early = process.evidence.sent(process.nowMs);
    process.known('p');
    process.yes(early);
    process.nowMs += 2_000;
    expect(process.known('p')).toBe('ask_canary');
    expect(process.evidence.knownAfterCanary('token of p', 'undecided', process.nowMs)).toBe('once');
    process.yes();
    expect(process.evidence.knownAfterCanary('token of p', 'accepted', process.nowMs)).toBe('believed');
  });

  it('counts the two seconds until the second question leaves, not until it is answered', () => {
    const process = new Process();
    process.known('p');
    const second = process.evidence.sent(process.nowMs + 1_000);
    process.yes();
    process.nowMs += 5_000;
    expect(process.known('p', second)).toBe('once');
  });

  it('starts again after it was accepted', () => {
    const process = new Process();
    process.known('p');
    process.yes();
    process.evidence.acceptedToken('token of p', process.nowMs, true);
    process.nowMs += 2_000;
    expect(process.known('p')).toBe('once');
  });

  it('without a canary is believed for ten minutes after an acceptance', () => {
    const process = new Process();
    process.yes();
    process.known('p');
    process.nowMs += 600_000;
    process.known('p');
    expect(process.evidence.knownAfterCanary('token of p', 'none', process.nowMs)).toBe('believed');
    process.known('p');
    expect(process.evidence.knownAfterCanary('token of p', 'none', process.nowMs + 2_001)).toBe('suspect');
  });
});

describe('the client secret', () => {
  it('is suspect when known tokens of two players are refused with no acceptance in between, until the next one', () => {
    const process = new Process();
    expect(process.known('p')).toBe('once');
    const early = process.evidence.sent(process.nowMs);
    expect(process.known('q')).toBe('suspect');
    expect(process.stranger('s', false)).toBe('suspect');
    process.yes(early);
    expect(process.evidence.isSuspect).toBe(true);
    process.yes();
    expect(process.evidence.isSuspect).toBe(false);
    expect(process.stranger('s')).toBe('believed');
  });

  it('is not suspect because of two tokens of one player, or with an acceptance in between', () => {
    const process = new Process();
    process.known('p');
    process.evidence.refusedKnown({
      key: 'another token of p',
      player: 'p',
      sent: process.evidence.sent(process.nowMs),
      nowMs: process.nowMs,
    });
    process.yes();
    expect(process.known('q')).toBe('once');
    expect(process.evidence.isSuspect).toBe(false);
  });

  it('is suspect when more than a fifth of many known tokens are newly refused, in spite of acceptances', () => {
    const process = new Process();
    const refuse = (count: number, from: number) => {
      for (let each = 0; each < count; each += 1) {
        process.known(`p${from + each}`);
        process.yes();
      }
    };
    const accept = (count: number) => {
      for (let each = 0; each < count; each += 1) process.evidence.acceptedToken(`a${each}`, process.nowMs, true);
    };
    accept(21);
    refuse(5, 0);
    expect(process.known('p0')).not.toBe('suspect');
    process.yes();
    refuse(1, 100);
    expect(process.known('p200')).toBe('suspect');
    process.yes();
    process.nowMs += 10_000;
    expect(process.known('p300')).toBe('once');
  });

  it('forgets first refusals when it becomes suspect: they may have been its fault', () => {
    const process = new Process();
    process.known('p');
    process.known('q');
    process.yes();
    process.nowMs += 2_000;
    expect(process.known('p')).toBe('once');
  });
});

describe('a refused code', () => {
  it('is believed twice, then needs a canary, and is in doubt while the secret is suspect', () => {
    const process = new Process();
    expect(['a', 'b', 'c'].map((code) => process.evidence.refusedCode(code))).toEqual([
      'believed',
      'believed',
      'ask_canary',
    ]);
    expect(process.evidence.codeAfterCanary('accepted')).toBe('believed');
    expect(process.evidence.codeAfterCanary('none')).toBe('suspect');
    process.known('p');
    process.known('q');
    expect(process.evidence.refusedCode('a')).toBe('suspect');
  });
});
