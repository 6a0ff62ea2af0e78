import { describe, expect, it } from '@jest/globals';
import { withinBudget } from './within-budget.js';

describe('withinBudget', () => {
  it('gives what came in time', async () => {
    expect(await withinBudget(Promise.resolve('x'), 60_000)).toEqual({ status: 'answered', value: 'x' });
  });

  it('gives an error without throwing it', async () => {
    const error = new Error('no');
    expect(await withinBudget(Promise.reject(error), 60_000)).toEqual({ status: 'failed', error });
  });

  it('does not wait for what never comes', async () => {
    expect(await withinBudget(new Promise(() => undefined), 1)).toEqual({ status: 'late' });
  });

  it('ignores an error that comes late', async () => {
    let fail: (error: Error) => void = () => undefined;
    const running = new Promise((_, reject) => {
      fail = reject;
    });
    expect(await withinBudget(running, 1)).toEqual({ status: 'late' });
    fail(new Error('late'));
  });

  it('counts what has arrived while the process was busy with something else', async () => {
    const { port1, port2 } = new MessageChannel();
    const arrived = new Promise((resolve) => port1.once('message', resolve));
    const waiting = withinBudget(arrived, 5);
    await new Promise((resolve) => setImmediate(resolve));
    port2.postMessage('in time');
    const busyUntil = performance.now() + 30;
    while (performance.now() < busyUntil);
    expect(await waiting).toEqual({ status: 'answered', value: 'in time' });
    port1.close();
  });
});
