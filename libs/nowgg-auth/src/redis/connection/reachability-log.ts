import type { NowggClock } from '../../clock.js';
import { FailureState } from '../../events/state-events.js';

/** Network error codes and the first words of Redis errors; nothing else of an error is logged. */
const CODE = /^(?:E[A-Z]{2,30}|(?:WRONGPASS|NOAUTH|NOPERM|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN)(?= ))/;

/** Tells when Redis cannot be used and when it can be again, without address or credentials. */
export class Reachability {
  readonly #state: FailureState;

  constructor(clock: NowggClock) {
    this.#state = new FailureState(clock, 'shared_cache_unavailable');
  }

  /** A connection is made. */
  reachable(): void {
    this.#state.end();
  }

  unreachable(error: unknown): void {
    this.#state.failed(codeOf(error));
  }

  /** Commands are not answered in time, or fail. */
  silent(): void {
    this.#state.failed('no reply in time');
  }

  /** A command was answered. */
  answered(): void {
    this.#state.succeeded();
  }

  close(): void {
    this.#state.drop();
  }
}

function codeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const found = [code, message].map((text) => (typeof text === 'string' ? CODE.exec(text)?.[0] : undefined));
  return found.find((text) => text !== undefined) ?? 'no answer';
}
