import type { SessionClock } from './clock.js';
import { NoSessionError, type RefusalDetails, SessionUnavailableError } from './errors.js';
import { parseRecord, recordOf, type SessionRecord, type TokenReply } from './session-record.js';
import type { SessionStorageAdapter } from './browser.js';
import { listenToTabs } from './tab-channel.js';

/**
 * State of the session. `UNKNOWN`: the storage has not been read yet, or cannot be read. An outage of the backend does
 * not change the state.
 */
export type SessionState = 'NO_SESSION' | 'AUTHENTICATED' | 'UNKNOWN';

/**
 * Reason for a change of the state: `FOUND` or `NOT_FOUND` in the storage at the start, `LOGIN`, `LOGOUT` and `CLEAR`
 * by this client, `ENDED` by the backend (revoked, or the player has to sign in again), `OTHER_TAB` by another tab.
 */
export type SessionStateChangeReason = 'FOUND' | 'NOT_FOUND' | 'LOGIN' | 'LOGOUT' | 'CLEAR' | 'ENDED' | 'OTHER_TAB';

/**
 * Called after each change of the state, and when another player's session replaces the previous one. With `ENDED`,
 * `details` say why: after a ban, its reason and end; in the tab that learnt it, not in the others. An error that it
 * throws is an uncaught error, as with the listeners of an event target.
 */
export type SessionStateListener = (
  state: SessionState,
  reason: SessionStateChangeReason,
  details?: RefusalDetails,
) => void;

/** Whether both records hold the same token of the same session. */
export const isSameToken = (a: SessionRecord | undefined, b: SessionRecord | undefined) =>
  a?.id === b?.id && a?.generation === b?.generation;

/** Holds the session of this tab, in sync with the storage and with the other tabs that share it. */
export interface SessionKeeper {
  readonly record: SessionRecord | undefined;
  readonly state: SessionState;
  /** Number of times that this tab was told to forget its session. */
  readonly clearings: number;
  readonly listeners: Set<SessionStateListener>;
  /** The known record, after a first read of the storage. @throws SessionUnavailableError when it cannot be read */
  open(): Promise<SessionRecord | undefined>;
  /** Reads the storage again, because another tab may have written to it. @throws as {@link open} */
  read(): Promise<SessionRecord | undefined>;
  write(record: SessionRecord | undefined, reason: SessionStateChangeReason, details?: RefusalDetails): Promise<void>;
  clear(reason: 'LOGOUT' | 'CLEAR'): Promise<void>;
  /**
   * Stores the answer to a refresh, unless the kept record has changed in the meantime. A new handle is used only if the
   * storage gives it back: the one before it stays good, and two handles back would not be.
   * @returns the kept record
   */
  renew(sent: SessionRecord, reply: TokenReply): Promise<SessionRecord>;
  /** The record in the storage, where other tabs may have put a newer handle; this tab's own without one. */
  reread(own: SessionRecord): Promise<SessionRecord>;
  /** Ends a session that the backend refused, unless the kept record has changed. @returns the kept record */
  end(refused: SessionRecord, details: RefusalDetails): Promise<SessionRecord | undefined>;
  /** Resolves after the next read of the storage that a signal from another tab triggers. */
  notice(): Promise<void>;
  close(): void;
}

/** @param shared storage that all tabs can read; without it the session belongs to this tab only */
export function keepSession(
  key: string,
  shared: SessionStorageAdapter | undefined,
  clock: SessionClock,
): SessionKeeper {
  const listeners = new Set<SessionStateListener>();
  let storage = shared;
  let record: SessionRecord | undefined;
  let state: SessionState = 'UNKNOWN';
  let clearings = 0;
  let turn = 0;
  let settledTurn = 0;
  let waiting: (() => void)[] = [];

  const adopt = (next: SessionRecord | undefined, reason: SessionStateChangeReason, details?: RefusalDetails) => {
    const before = `${state} ${record?.id}`;
    record = next;
    state = next ? 'AUTHENTICATED' : 'NO_SESSION';
    if (`${state} ${next?.id}` === before) return;
    const now = state;
    // One microtask each: a listener that throws must not keep the others from being called.
    for (const listener of listeners) queueMicrotask(() => listener(now, reason, details));
  };

  const read = async () => {
    const ownTurn = ++turn;
    const isFirst = state === 'UNKNOWN';
    let stored: SessionRecord | undefined;
    try {
      stored = storage ? parseRecord(await storage.getItem(key)) : record;
    } catch {
      if (state === 'UNKNOWN') throw new SessionUnavailableError();
      return record;
    }
    // A later read, or a write of this tab, may have overtaken this one.
    if (ownTurn < settledTurn) return record;
    settledTurn = ownTurn;
    const isOlder = stored && stored.id === record?.id && stored.generation < record.generation;
    if (!isOlder) adopt(stored, isFirst ? (stored ? 'FOUND' : 'NOT_FOUND') : 'OTHER_TAB');
    return record;
  };

  const look = async () => {
    await read().catch(() => {});
    for (const resolve of waiting) resolve();
    waiting = [];
  };

  const tabs = shared && listenToTabs(key, () => void look());

  const write: SessionKeeper['write'] = async (next, reason, details) => {
    settledTurn = ++turn;
    adopt(next, reason, details);
    const text = JSON.stringify(next);
    try {
      await (next ? storage?.setItem(key, text) : storage?.removeItem(key));
    } catch {
      storage = undefined;
    }
    tabs?.tell();
  };

  /** Looks at the storage itself, also after a failed write. */
  const reread = async (own: SessionRecord) => {
    try {
      return (shared && parseRecord(await shared.getItem(key))) ?? own;
    } catch {
      return own;
    }
  };

  return {
    listeners,
    read,
    write,
    reread,
    get record() {
      return record;
    },
    get state() {
      return state;
    },
    get clearings() {
      return clearings;
    },
    open: async () => (state === 'UNKNOWN' ? read() : record),
    clear: async (reason) => {
      clearings += 1;
      await write(undefined, reason);
    },
    renew: async (sent, reply) => {
      const kept = await read();
      if (!kept) throw new NoSessionError();
      if (kept.id !== sent.id || kept.generation > reply.generation) return kept;
      // Another tab may have stored a newer handle than the one in this answer.
      const session = kept.session === sent.session ? (reply.session ?? kept.session) : kept.session;
      const renewed = recordOf({ ...reply, session }, kept, clock);
      // No listener is called: the session is still the same.
      await write(renewed, 'FOUND');
      const stored = shared ? await reread(kept) : renewed;
      if (record === renewed && stored.session !== session)
        record = { ...renewed, session: stored.id === kept.id ? stored.session : kept.session };
      return record ?? renewed;
    },
    end: async (refused, details) => {
      if (isSameToken(await read(), refused)) await write(undefined, 'ENDED', details);
      return record;
    },
    notice: async () => new Promise((resolve) => waiting.push(resolve)),
    close: () => {
      tabs?.close();
      listeners.clear();
    },
  };
}
