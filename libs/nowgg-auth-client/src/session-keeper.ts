import type { SessionClock } from './clock.js';
import { NoSessionError, SessionUnavailableError } from './errors.js';
import { parseRecord, recordOf, type SessionRecord, type TokenReply } from './session-record.js';
import type { SessionStorageAdapter } from './browser.js';
import { listenToTabs } from './tab-channel.js';

/** `UNKNOWN`: the storage has not been read yet, or cannot be. An outage of the backend changes no state. */
export type SessionState = 'NO_SESSION' | 'AUTHENTICATED' | 'UNKNOWN';

/**
 * Why the state changed: `FOUND` or `NOT_FOUND` in the storage at the start, `LOGIN`, `LOGOUT` and `CLEAR` by this
 * client, `ENDED` by the backend (revoked, or the player has to sign in again), `OTHER_TAB` by another tab.
 */
export type SessionStateChangeReason = 'FOUND' | 'NOT_FOUND' | 'LOGIN' | 'LOGOUT' | 'CLEAR' | 'ENDED' | 'OTHER_TAB';

/**
 * Called after each change of the state, and when another player's session takes the place of the one before. What it
 * throws is an uncaught error, as with the listeners of an event target.
 */
export type SessionStateListener = (state: SessionState, reason: SessionStateChangeReason) => void;

/** Whether it is the same token of the same session. */
export const isSameToken = (a: SessionRecord | undefined, b: SessionRecord | undefined) =>
  a?.id === b?.id && a?.generation === b?.generation;

/** Holds the session of this tab, in step with the storage and with the other tabs that share it. */
export interface SessionKeeper {
  readonly record: SessionRecord | undefined;
  readonly state: SessionState;
  /** Counts the times that this tab was told to forget its session. */
  readonly clearings: number;
  readonly listeners: Set<SessionStateListener>;
  /** What is known, after a first look into the storage. @throws SessionUnavailableError when it cannot be read */
  open(): Promise<SessionRecord | undefined>;
  /** What the storage holds now: another tab may have written. @throws as {@link open} */
  read(): Promise<SessionRecord | undefined>;
  write(record: SessionRecord | undefined, reason: SessionStateChangeReason): Promise<void>;
  clear(reason: 'LOGOUT' | 'CLEAR'): Promise<void>;
  /** Takes in the answer to a refresh, unless what is kept has moved on meanwhile. @returns what is kept then */
  renew(sent: SessionRecord, reply: TokenReply): Promise<SessionRecord>;
  /** Ends a session that the backend refused, unless what is kept has moved on. @returns what is kept then */
  end(refused: SessionRecord): Promise<SessionRecord | undefined>;
  /** Resolves after the next look into the storage that a sign of another tab leads to. */
  notice(): Promise<void>;
  close(): void;
}

/** @param shared what all tabs can read; without it the session is this tab's own */
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

  const adopt = (next: SessionRecord | undefined, reason: SessionStateChangeReason) => {
    const before = `${state} ${record?.id}`;
    record = next;
    state = next ? 'AUTHENTICATED' : 'NO_SESSION';
    if (`${state} ${next?.id}` === before) return;
    const now = state;
    // Each by itself: one that throws must not keep the others from hearing.
    for (const listener of listeners) queueMicrotask(() => listener(now, reason));
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
    // A later look, or a write of this tab, may have overtaken this one.
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

  const write = async (next: SessionRecord | undefined, reason: SessionStateChangeReason) => {
    settledTurn = ++turn;
    adopt(next, reason);
    const text = JSON.stringify(next);
    try {
      await (next ? storage?.setItem(key, text) : storage?.removeItem(key));
    } catch {
      storage = undefined;
    }
    tabs?.tell();
  };

  return {
    listeners,
    read,
    write,
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
      const renewed = recordOf(reply, kept, clock);
      // No listener hears of it: the session is still the same.
      await write(renewed, 'FOUND');
      return renewed;
    },
    end: async (refused) => {
      if (isSameToken(await read(), refused)) await write(undefined, 'ENDED');
      return record;
    },
    notice: async () => new Promise((resolve) => waiting.push(resolve)),
    close: () => {
      tabs?.close();
      listeners.clear();
    },
  };
}
