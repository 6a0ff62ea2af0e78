import { HttpException } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { PlayerUnavailableError } from '../errors.js';
import { publishSecurityEvent } from '../events/security-events.js';

/** The bounds of a call to a function of the application. */
export interface HookBounds {
  readonly clock: NowggClock;
  /** Longest time that a caller waits, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Calls a function of the application. Its own `HttpException` goes to the client; every other failure, and an answer that
 * takes too long, is a 503. Never waits longer, and returns a promise only when the function does.
 */
export function callHook<T>(call: () => T | Promise<T>, bounds: HookBounds): T | Promise<T> {
  try {
    const answer = call();
    return isPromiseLike(answer) ? inTime(answer, bounds) : answer;
  } catch (error) {
    throw failureOf(error);
  }
}

async function inTime<T>(answer: PromiseLike<T>, { clock, timeoutMs }: HookBounds): Promise<T> {
  const answered = new AbortController();
  const tooLate = clock.wait(timeoutMs, answered.signal).then(() => {
    throw new LateAnswer();
  });
  try {
    return await Promise.race([answer, tooLate]);
  } catch (error) {
    throw failureOf(error);
  } finally {
    answered.abort();
    // Rejected by the abort when the answer was in time.
    tooLate.catch(() => undefined);
  }
}

class LateAnswer extends Error {
  override readonly name = 'no answer in time';
}

/** The message of a foreign error may contain data of players: only its name is told. */
function failureOf(error: unknown): unknown {
  if (error instanceof HttpException) return error;
  const name = error instanceof Error ? error.name : 'no Error';
  const detail = /^[A-Za-z][\w ]{0,63}$/.test(name) ? name : 'Error';
  publishSecurityEvent({ type: 'player_unavailable', detail });
  return new PlayerUnavailableError();
}

function isPromiseLike<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
