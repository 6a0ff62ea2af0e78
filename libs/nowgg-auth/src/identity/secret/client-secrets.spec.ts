import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { ClientSecrets, type SecretAnswer, secretsOf } from './client-secrets.js';

let clock: ManualClock;
let secrets: ClientSecrets;
/** The secret that the identity system accepts, and those that were sent. */
let accepted: string | undefined;
let sent: string[];

beforeEach(() => {
  clock = new ManualClock();
  secrets = new ClientSecrets(['new', 'old'], clock);
  accepted = 'old';
  sent = [];
});

/** A request that the identity system refuses unless it has the right secret. */
async function request(secret: string): Promise<SecretAnswer<string>> {
  sent.push(secret);
  await Promise.resolve();
  return secret === accepted ? { answer: 'yes', secret: 'accepted' } : { answer: 'no', secret: 'refused' };
}

/** A request that is refused whatever the secret is. */
async function wrongRequest(secret: string): Promise<SecretAnswer<string>> {
  sent.push(secret);
  await Promise.resolve();
  return { answer: 'no', secret: 'refused' };
}

describe('the secrets of a client', () => {
  it('are tried in turn until one is accepted, which is then sent first', async () => {
    expect([await secrets.ask(request), await secrets.ask(request)]).toEqual(['yes', 'yes']);
    expect(sent).toEqual(['new', 'old', 'old']);
  });

  it('decide with one trial for all requests that are refused at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => secrets.ask(request)));
    expect(new Set(answers)).toEqual(new Set(['yes']));
    expect(sent.filter((secret) => secret === 'new')).toHaveLength(100);
    expect(sent.filter((secret) => secret === 'old')).toHaveLength(100);
  });

  it('are not tried again for a minute after one was accepted', async () => {
    await secrets.ask(request);
    clock.advance(59_999);
    expect(await secrets.ask(wrongRequest)).toBe('no');
    expect(sent).toEqual(['new', 'old', 'old']);
    clock.advance(1);
    expect(await secrets.ask(wrongRequest)).toBe('no');
    expect(sent.slice(3)).toEqual(['old', 'new']);
  });

  it('are tried again when refusals may be about the secret', async () => {
    await secrets.ask(request);
    accepted = 'new';
    expect(await secrets.ask(request)).toBe('no');
    secrets.doubt();
    expect(await secrets.ask(request)).toBe('yes');
  });

  it('leave a refusal undecided that was not tried with every secret', async () => {
    accepted = undefined;
    const answers = await Promise.all(Array.from({ length: 10 }, () => secrets.ask(request)));
    expect(answers.filter((answer) => answer === 'no').length).toBeLessThanOrEqual(5);
    expect(answers).toContain('undecided');
  });

  it('are all tried for a request that is known to be right, however many others are tried', async () => {
    accepted = undefined;
    for (let trial = 0; trial < 5; trial += 1) await secrets.ask(request);
    accepted = 'old';
    expect(await secrets.ask(request)).toBe('undecided');
    expect(await secrets.ask(request, true)).toBe('yes');
    expect(await secrets.ask(request)).toBe('yes');
  });

  it('are decided by no acceptance of a request that was sent before they were in doubt, or before a newer one', async () => {
    await secrets.ask(request);
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const late = secrets.ask(async (secret): Promise<SecretAnswer<string>> => {
      await answered;
      return { answer: `yes to ${secret}`, secret: 'accepted' };
    });
    secrets.doubt();
    accepted = 'new';
    expect(await secrets.ask(request)).toBe('yes');
    answer();
    expect(await late).toBe('yes to old');
    expect(secrets.current).toBe('new');
  });

  it('of one are never tried twice, and the refusal is the answer', async () => {
    const one = new ClientSecrets(['only'], clock);
    expect(await one.ask(request)).toBe('no');
    expect(sent).toEqual(['only']);
    expect(new ClientSecrets([], clock).exist).toBe(false);
  });

  it('survive a request that fails', async () => {
    await expect(secrets.ask(async () => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer');
    const failsLater = async (secret: string) => {
      if (secret === 'old') throw new Error('no answer');
      return wrongRequest(secret);
    };
    await expect(secrets.ask(failsLater)).rejects.toThrow('no answer');
    expect(await secrets.ask(request)).toBe('yes');
  });

  it('cause five trials a second at most, and never refuse a request that one of them would let pass', async () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 1_500 }),
      what: fc.constantFrom('right', 'wrong', 'wrong', 'doubt', 'change'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const time = new ManualClock();
        const tried = new ClientSecrets(['a', 'b', 'c'], time);
        let right = 'b';
        let isKnown = false;
        const extra: number[] = [];
        let wronglyRefused = 0;
        for (const { afterMs, what } of steps) {
          time.advance(afterMs);
          if (what === 'doubt') {
            tried.doubt();
            isKnown = true;
          } else if (what === 'change') {
            right = right === 'b' ? 'c' : 'b';
            isKnown = false;
          } else {
            let requests = 0;
            const answer = await tried.ask(async (secret): Promise<SecretAnswer<string>> => {
              requests += 1;
              const passes = what === 'right' && secret === right;
              return { answer: passes ? 'yes' : 'no', secret: passes ? 'accepted' : 'refused' };
            });
            if (requests > 1) extra.push(time.monotonicNow());
            // After a change that nothing has told of yet, the old decision may still apply.
            if (what === 'right' && isKnown && answer === 'no') wronglyRefused += 1;
            if (answer === 'yes') isKnown = true;
          }
        }
        expect(wronglyRefused).toBe(0);
        for (const at of extra) {
          // A window of a second may begin anywhere, so two limits may meet in it.
          expect(extra.filter((other) => other >= at && other < at + 1_000).length).toBeLessThanOrEqual(10);
        }
      }),
      { numRuns: propertyRuns(200) },
    );
  });
});

it('secretsOf takes none, one or several', () => {
  expect([secretsOf(undefined), secretsOf('a'), secretsOf(['a', 'b'])]).toEqual([[], ['a'], ['a', 'b']]);
});
