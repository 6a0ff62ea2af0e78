import { describe, expect, it } from '@jest/globals';
import { RequestLog } from './request-log.js';

describe('RequestLog', () => {
  it('keeps the last calls and the count of all', () => {
    const log = new RequestLog();
    const total = 2 * RequestLog.capacity + 1;
    for (let at = 0; at < total; at++) log.add({ endpoint: 'token', at });
    expect(log.count('token')).toBe(total);
    expect(log.list()).toHaveLength(RequestLog.capacity);
    expect(log.list().at(-1)?.at).toBe(total - 1);
  });

  it('hands out copies', () => {
    const log = new RequestLog();
    const open = log.add({ endpoint: 'token', at: 1 });
    const [copy] = log.list();
    log.update(open, { status: 200 });
    expect(copy).toEqual({ endpoint: 'token', at: 1 });
    expect(log.list()).toEqual([{ endpoint: 'token', at: 1, status: 200 }]);
  });

  it('wakes who waits for an outcome when it is known', async () => {
    const log = new RequestLog();
    const open = log.add({ endpoint: 'token', at: 1 });
    const answered = log.waitFor({ endpoint: 'token', status: 200 }, 1);
    log.update(open, { status: 200 });
    await expect(answered).resolves.toBeUndefined();
  });
});
