import type { ResolvedSessionsOptions } from '../../options/options.js';
import type { GrantRecord } from '../store/grant-record.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3_600_000;
/** Sessions of an earlier release end within this time of each other, not all at once. */
const SPREAD_MS = 30 * DAY_MS;
/** A session that was begun so much later than its grant is of an earlier release. */
const ONE_SIGN_IN_MS = 60_000;

type SessionTimes = Pick<GrantRecord, 'id' | 'createdAtMs' | 'readAtMs' | 'sessionBegunAtMs' | 'sessionUsedAtMs'>;

/** Decides when a session handle ends because it was not used, or because of its age. The grant lives on. */
export class SessionEnds {
  readonly #idleMs: number;
  readonly #absoluteMs: number;

  readonly #notedEveryMs: number;

  constructor({ idleMs, absoluteMs, max }: Pick<ResolvedSessionsOptions, 'idleMs' | 'absoluteMs' | 'max'>) {
    this.#idleMs = idleMs === false ? Number.POSITIVE_INFINITY : idleMs;
    this.#absoluteMs = absoluteMs === false ? Number.POSITIVE_INFINITY : absoluteMs;
    this.#notedEveryMs = Math.min(max === undefined ? DAY_MS : MINUTE_MS, this.#idleMs / 30);
  }

  hasEnded(session: SessionTimes): boolean {
    const endMs = Math.min(session.sessionUsedAtMs + this.#idleMs, session.sessionBegunAtMs + this.#absoluteMs);
    return endMs + spreadOf(session) <= session.readAtMs;
  }

  /**
   * Whether a use must be stored: once a day at most, and thirty times within the idle time; once a minute where the
   * number of sessions is limited, because it decides which of them count.
   */
  notesUse({ sessionUsedAtMs, readAtMs }: SessionTimes): boolean {
    return readAtMs - sessionUsedAtMs >= this.#notedEveryMs;
  }
}

/** The same for a session at any time and in any process: from the random bits of its id. */
function spreadOf({ id, createdAtMs, sessionBegunAtMs }: SessionTimes): number {
  if (sessionBegunAtMs - createdAtMs <= ONE_SIGN_IN_MS) return 0;
  return (Number.parseInt(id.slice(0, 8), 16) / 2 ** 32) * SPREAD_MS;
}
