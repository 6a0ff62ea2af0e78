import { describe, expect, it } from '@jest/globals';
import { SingleFlight } from './single-flight.js';

/** A request whose answers the test gives one by one. */
function question() {
  const pending: ((answer: string) => void)[] = [];
  const ask = () =>
    new Promise<string>((resolve) => {
      pending.push(resolve);
    });
  return { ask, pending };
}

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('flights', () => {
  it('share one question and forget it when it has landed', async () => {
    const flights = new SingleFlight<string>();
    const { ask, pending } = question();
    const settled: string[] = [];
    const both = [flights.join('k', ask, (answer) => settled.push(answer)), flights.join('k', ask, () => undefined)];
    expect(pending).toHaveLength(1);
    pending[0]?.('yes');
    expect(await Promise.all(both)).toEqual(['yes', 'yes']);
    expect(settled).toEqual(['yes']);
    expect(flights.size).toBe(0);
  });

  it('that fail are forgotten too', async () => {
    const flights = new SingleFlight<string>();
    await expect(
      flights.join(
        'k',
        () => Promise.reject(new Error('no')),
        () => undefined,
      ),
    ).rejects.toThrow('no');
    expect(flights.size).toBe(0);
  });

  it('keep no answer that an invalidation overtook, and ask once more', async () => {
    const flights = new SingleFlight<string>();
    const { ask, pending } = question();
    const settled: string[] = [];
    const flight = flights.join('k', ask, (answer) => settled.push(answer));
    flights.invalidate('k');
    pending[0]?.('stale');
    await turn();
    pending[1]?.('fresh');
    expect(await flight).toBe('fresh');
    expect(settled).toEqual(['fresh']);
  });

  it('are all reached by an invalidation, the superseded one too', async () => {
    const flights = new SingleFlight<string>();
    const { ask, pending } = question();
    const settled: string[] = [];
    const older = flights.join('k', ask, (answer) => settled.push(answer));
    const newer = flights.start('k', ask, (answer) => settled.push(answer));
    flights.invalidate('k');
    pending[0]?.('stale');
    pending[1]?.('stale');
    await turn();
    pending[2]?.('fresh');
    pending[3]?.('fresh');
    expect(await Promise.all([older, newer])).toEqual(['fresh', 'fresh']);
    expect(settled).toEqual(['fresh', 'fresh']);
  });

  it('that were superseded are still reached when the newer one has landed', async () => {
    const flights = new SingleFlight<string>();
    const { ask, pending } = question();
    const settled: string[] = [];
    const older = flights.join('k', ask, (answer) => settled.push(answer));
    const newer = flights.start('k', ask, () => undefined);
    pending[1]?.('new');
    await newer;
    flights.invalidate('k');
    pending[0]?.('stale');
    await turn();
    pending[2]?.('fresh');
    expect(await older).toBe('fresh');
    expect(settled).toEqual(['fresh']);
  });

  it('do not take the slot of a newer one with them', async () => {
    const flights = new SingleFlight<string>();
    const { ask, pending } = question();
    const older = flights.join('k', ask, () => undefined);
    const newer = flights.start('k', ask, () => undefined);
    pending[0]?.('old');
    await older;
    expect(flights.size).toBe(1);
    pending[1]?.('new');
    expect(await newer).toBe('new');
    expect(flights.size).toBe(0);
  });

  it('that ask now are joined until their question has left, and never after', async () => {
    const flights = new SingleFlight<string>();
    const leave: (() => void)[] = [];
    const { ask: answered, pending } = question();
    const ask = (onSent: () => void) => {
      leave.push(onSent);
      return answered();
    };
    const first = flights.joinUnsent('k', ask, () => undefined);
    const joined = flights.joinUnsent('k', ask, () => undefined);
    expect(pending).toHaveLength(1);
    leave[0]?.();
    const later = flights.joinUnsent('k', ask, () => undefined);
    expect(pending).toHaveLength(2);
    pending[0]?.('old');
    pending[1]?.('new');
    expect(await Promise.all([first, joined, later])).toEqual(['old', 'old', 'new']);
  });

  it('that ask now do not join one that may take an older answer', async () => {
    const flights = new SingleFlight<string>();
    const { ask, pending } = question();
    const older = flights.join('k', ask, () => undefined);
    const now = flights.joinUnsent('k', ask, () => undefined);
    pending[0]?.('old');
    pending[1]?.('new');
    expect(await Promise.all([older, now])).toEqual(['old', 'new']);
  });

  it('that ask now are at most four at a time: the fifth waits, and all later ones join it', async () => {
    const flights = new SingleFlight<string>();
    const { ask: answered, pending } = question();
    const ask = (onSent: () => void) => {
      onSent();
      return answered();
    };
    const all = Array.from({ length: 300 }, () => flights.joinUnsent('k', ask, () => undefined));
    expect(pending).toHaveLength(4);
    pending[0]?.('first');
    await turn();
    expect(pending).toHaveLength(5);
    for (const answer of pending) answer('later');
    const answers = await Promise.all(all);
    expect(answers.filter((answer) => answer === 'first')).toHaveLength(1);
    expect(flights.size).toBe(0);
  });
});
