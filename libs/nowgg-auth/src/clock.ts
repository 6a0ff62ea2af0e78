/** The last time that a `Date` can state, in epoch milliseconds. */
export const LAST_DATE_MS = 8.64e15;

/**
 * The only source of time in the module. Inject another implementation to control time in tests;
 * deadlines of network calls use real time instead.
 *
 * @example
 * ```ts
 * import { NowggAuthModule, SystemClock } from 'nestjs-nowgg-auth';
 *
 * class ShiftedClock extends SystemClock {
 *   shiftMs = 0; // a test sets it to let a token expire
 *   override now(): number {
 *     return super.now() + this.shiftMs;
 *   }
 * }
 *
 * export const clock = new ShiftedClock();
 * export const auth = NowggAuthModule.forRoot({ clientId: process.env.NOWGG_CLIENT_ID ?? '', clock });
 * ```
 */
export abstract class NowggClock {
  /** Wall-clock time in milliseconds since the Unix epoch. May jump forwards or backwards. */
  abstract now(): number;

  /** Milliseconds since an arbitrary start; never goes backwards. Used for ages and waits. */
  abstract monotonicNow(): number;

  /**
   * Resolves after `ms` milliseconds of this clock, or rejects with the signal's reason when it aborts.
   * A pending wait does not keep the process alive.
   */
  abstract wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock, used by default. */
export class SystemClock extends NowggClock {
  override now(): number {
    return Date.now();
  }

  override monotonicNow(): number {
    return performance.now();
  }

  override async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      timer.unref();
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
