import type { NowggClock } from '../clock.js';

/**
 * Whether an application's hook allows something. Only `true` does, returned directly or by a promise. A hook that
 * throws, rejects, answers anything else or takes longer than `timeoutMs` does not. Never throws, never waits longer.
 */
export function isAllowed(ask: () => unknown, clock: NowggClock, timeoutMs: number): boolean | Promise<boolean> {
  try {
    const answer = ask();
    return isPromiseLike(answer) ? isAllowedInTime(answer, clock, timeoutMs) : answer === true;
  } catch {
    return false;
  }
}

async function isAllowedInTime(answer: PromiseLike<unknown>, clock: NowggClock, timeoutMs: number): Promise<boolean> {
  const answered = new AbortController();
  const tooLate = clock.wait(timeoutMs, answered.signal).then(
    () => false,
    () => false,
  );
  try {
    return (await Promise.race([answer, tooLate])) === true;
  } catch {
    return false;
  } finally {
    answered.abort();
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
