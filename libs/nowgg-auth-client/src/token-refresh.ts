import { untilAborted, type SessionClock, within } from './clock.js';
import type { Backend } from './backend.js';
import { NoSessionError, RequestRefusedError, SessionUnavailableError } from './errors.js';
import { isSameToken, type SessionKeeper } from './session-keeper.js';
import { isDue, isExpired, noHandle, type SessionRecord } from './session-record.js';
import type { TabLock } from './tab-lock.js';

/** Time until a write of another tab is visible here after it released the lock: storage and locks are not in sync. */
const visibleMs = 100;
/** Time without a refresh after a route refused a new token; otherwise each 401 of that route would refresh again. */
const futileMs = 30_000;
const longestPauseMs = 60_000;

/**
 * Answers that mean that the session has ended. A 401 or 403 without such a code may come from a proxy. A session that is
 * bound to a key meets `invalid_dpop_proof` here when its key is gone.
 */
const endings =
  /^(403 user_banned|401 (reauthentication_required|session_superseded|signed_in_elsewhere|invalid_dpop_proof|(invalid|expired|revoked|malformed)_token))$/;

const endsSession = (error: unknown): error is RequestRefusedError =>
  error instanceof RequestRefusedError && endings.test(`${error.status} ${error.errorCode}`);

/** Refreshes the token, one refresh at a time in this tab and among all tabs that share the session. */
export interface TokenRefresh {
  /**
   * The session with a usable token, refreshed if it is due.
   * @param patienceMs time to wait for a refresh while the old token is still valid
   * @throws NoSessionError when the refresh finds that the session has ended
   */
  current(signal: AbortSignal | null | undefined, patienceMs?: number): Promise<SessionRecord | undefined>;
  /**
   * The same session with a token other than the one that got a 401.
   * @returns `undefined` when there is none: the session has ended or is another player's, or refreshing does not help
   */
  after(refused: SessionRecord, signal: AbortSignal | null | undefined): Promise<SessionRecord | undefined>;
  /** Remembers that even a newly refreshed token was refused. */
  remarkFutile(record: SessionRecord): void;
}

export function refreshTokens(
  keeper: SessionKeeper,
  backend: Backend,
  lock: TabLock,
  clock: SessionClock,
): TokenRefresh {
  let flight: { readonly refused: number | undefined; readonly work: Promise<SessionRecord> } | undefined;
  let pause: { readonly until: number; readonly error: unknown } | undefined;
  let futile: { readonly record: SessionRecord; readonly until: number } | undefined;

  /** A token that cannot be refreshed is looked at instead: it ends by its time, or when the backend refuses it. */
  const look = async (record: SessionRecord) => {
    if (isExpired(record, clock.now())) throw new RequestRefusedError(401, 'expired_token');
    await backend.look(record.token).catch((error: unknown) => {
      if (endsSession(error)) throw error;
    });
    futile = { record, until: clock.now() + futileMs };
    return record;
  };

  const ask = async (record: SessionRecord, refused: number | undefined, reread?: true): Promise<SessionRecord> => {
    try {
      if (record.session === noHandle) return await look(record);
      // Without a generation the backend decides by its own clock whether a new token is due.
      const body = { session: record.session, generation: refused, reread };
      const reply = await backend.postForToken('refresh', body);
      pause = undefined;
      return await keeper.renew(record, reply);
    } catch (error) {
      if (error instanceof NoSessionError) throw error;
      if (endsSession(error)) {
        if (error.errorCode === 'session_superseded' && !reread) {
          const stored = await keeper.reread(record);
          if (stored.id === record.id) return await ask(stored, refused, true);
        }
        const kept = await keeper.end(record, error.details);
        if (kept) return kept;
        throw new NoSessionError('the session has ended', error.details);
      }
      const seconds = error instanceof SessionUnavailableError ? error.retryAfterSeconds : 1;
      pause = { until: clock.now() + seconds * 1000, error };
      throw error;
    }
  };

  const refresh = async (refused: number | undefined) => {
    const pausedMs = pause ? pause.until - clock.now() : 0;
    // More than the longest pause: the clock was set back.
    if (pausedMs > 0 && pausedMs <= longestPauseMs) throw pause?.error;
    const seen = keeper.record;
    return lock(async (waited) => {
      await keeper.read();
      const isUnchanged = () => isSameToken(keeper.record, seen);
      const change = async () => {
        while (isUnchanged()) await keeper.notice();
      };
      if (waited) await within(clock, visibleMs, change());
      const { record } = keeper;
      if (!record) throw new NoSessionError();
      return isUnchanged() ? ask(record, refused) : record;
    });
  };

  /** Joins the refresh in progress, regardless of its caller, or starts one. */
  const join = async (refused?: number) => {
    if (!flight) {
      const work = refresh(refused).finally(() => {
        flight = undefined;
      });
      // All callers may have stopped waiting when it fails.
      work.catch(() => {});
      flight = { refused, work };
    }
    return flight.work;
  };

  return {
    current: async (signal, patienceMs) => {
      const record = await untilAborted(keeper.open(), signal);
      if (!record || !isDue(record, clock.now())) return record;
      if (isExpired(record, clock.now())) return untilAborted(join(), signal);
      const optional = join().catch((error: unknown) => {
        if (error instanceof NoSessionError) throw error;
        return undefined;
      });
      const patient = patienceMs === undefined ? optional : within(clock, patienceMs, optional);
      return (await untilAborted(patient, signal)) ?? record;
    },
    after: async (refused, signal) => {
      const isStill = () => isSameToken(keeper.record, refused);
      if (isSameToken(futile?.record, refused) && futile && clock.now() < futile.until) return undefined;
      while (isStill()) {
        const isOwn = !flight || flight.refused === refused.generation;
        const work = join(refused.generation).catch((error: unknown) => {
          if (isOwn && !(error instanceof NoSessionError)) throw error;
        });
        await untilAborted(work, signal);
        if (isOwn) break;
      }
      const { record } = keeper;
      return record?.id === refused.id && !isStill() ? record : undefined;
    },
    remarkFutile: (record) => {
      futile = { record, until: clock.now() + futileMs };
    },
  };
}
