import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { InvalidTokenError, type NowggAuthError, type NowggBan, UserBannedError } from '../errors.js';
import { digestOfCredentialId } from '../identity/token-text.js';
import type { NowggPrincipal } from '../principal.js';
import type { RevocationFeed } from '../revocation/revocation-feed.js';
import type { RevocationKind, RevocationSubject } from '../revocation/marks/watermark.js';
import type { HeldToken } from '../verification/held-token.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { type Due, ExpiryWheel } from './expiry-wheel.js';

/** Time after which a look-up that failed is repeated, in milliseconds. */
const LOOK_AGAIN_MS = 1_000;
const NEVER = Number.POSITIVE_INFINITY;

/** A caller that was authenticated on a connection, and the token that the connection keeps. */
export interface HeldCaller {
  /** Undefined for a caller whom a trusted proxy has authenticated. */
  readonly held: HeldToken | undefined;
  readonly principal: NowggPrincipal;
}

/** A connection that ends with its caller's token. */
export interface EndingConnection {
  /** Ends the connection because of this error. Called at most once for each time that it was added; must not throw. */
  end(error: NowggAuthError): void;
}

/** A connection with its caller. */
class Entry implements HeldCaller, Due {
  readonly connection: EndingConnection;
  readonly held: HeldToken | undefined;
  readonly principal: NowggPrincipal;

  constructor(connection: EndingConnection, { held, principal }: HeldCaller) {
    this.connection = connection;
    this.held = held;
    this.principal = principal;
  }

  /** When its token expires, in epoch milliseconds; not stored, as there are tens of thousands of entries. */
  get dueMs(): number {
    return this.principal.expiresAt?.getTime() ?? NEVER;
  }
}

/** Most keys have one entry: a set for each would take as much memory as the entry itself. */
type Index = Map<string, Entry | Set<Entry>>;

/**
 * The connections of this process that authenticated callers have open. Ends each when its token expires, and when this
 * process learns of a ban or a sign-out of its caller. Asks no identity system.
 */
export class HeldConnections implements BeforeApplicationShutdown {
  readonly #clock: NowggClock;
  readonly #authenticator: NowggAuthenticator;
  readonly #entries = new Map<EndingConnection, Entry>();
  readonly #indexes: Readonly<Record<RevocationKind, Index>> = {
    user: new Map(),
    session: new Map(),
    token: new Map(),
    credential: new Map(),
  };
  readonly #wheel: ExpiryWheel<Entry>;
  readonly #stopListening: () => void;
  readonly #inDoubt = new Set<Entry>();

  constructor(clock: NowggClock, authenticator: NowggAuthenticator, feed: Pick<RevocationFeed, 'onApplied'>) {
    this.#clock = clock;
    this.#authenticator = authenticator;
    this.#wheel = new ExpiryWheel(clock, (entry) => this.#end(entry, new InvalidTokenError('expired_token')));
    this.#stopListening = feed.onApplied((subject) => this.#onMark(subject));
  }

  get size(): number {
    return this.#entries.size;
  }

  beforeApplicationShutdown(): void {
    this.#stopListening();
    this.#wheel.close();
  }

  /** Watches a connection from now on, or gives it another caller. Ends it at once when the caller is refused already. */
  set(connection: EndingConnection, caller: HeldCaller): void {
    this.remove(connection);
    const entry = new Entry(connection, caller);
    const { held, principal } = entry;
    this.#entries.set(connection, entry);
    // Finds what has come since the verdict. It also determines the identity of the token.
    const isRevoked = this.#authenticator.isRevoked(held, principal);
    for (const [index, key] of this.#keysOf(entry)) addTo(index, key, entry);
    if (entry.dueMs <= this.#clock.now()) return this.#end(entry, new InvalidTokenError('expired_token'));
    if (entry.dueMs !== NEVER) this.#wheel.add(entry);
    this.#onStanding(entry, isRevoked);
  }

  remove(connection: EndingConnection): void {
    const entry = this.#entries.get(connection);
    if (!entry) return;
    this.#entries.delete(connection);
    this.#inDoubt.delete(entry);
    if (entry.dueMs !== NEVER) this.#wheel.remove(entry);
    for (const [index, key] of this.#keysOf(entry)) removeFrom(index, key, entry);
  }

  #onMark({ kind, id }: RevocationSubject): void {
    if (this.#entries.size === 0) return;
    const found = this.#indexes[kind].get(kind === 'credential' ? digestOfCredentialId(id) : id);
    if (found instanceof Set) for (const entry of found) this.#check(entry);
    else if (found) this.#check(found);
  }

  #check(entry: Entry): void {
    this.#onStanding(entry, this.#authenticator.isRevoked(entry.held, entry.principal));
  }

  #onStanding(entry: Entry, isRevoked: boolean | Promise<boolean | undefined>): void {
    if (isRevoked === false) return;
    if (isRevoked === true) return this.#endRefused(entry);
    const onLookedUp = (refused: boolean | undefined) => {
      if (refused === undefined) this.#lookAgain(entry);
      else if (refused) this.#endRefused(entry);
    };
    void isRevoked.then(onLookedUp, () => this.#lookAgain(entry));
  }

  /** Ends a connection, with the ban where it is one. Its messages are refused before. */
  #endRefused(entry: Entry): void {
    const found = this.#authenticator.findBan(entry.held, entry.principal);
    const refusal = () => new InvalidTokenError(this.#authenticator.causeOfEnd(entry.held, entry.principal));
    const end = (ban?: NowggBan) => this.#end(entry, ban ? new UserBannedError(ban) : refusal());
    if (found instanceof Promise) void found.then(end, () => end());
    else end(found);
  }

  /** Repeats a look-up that failed. Until it succeeds, each message is answered with a 503. */
  #lookAgain(entry: Entry): void {
    if (this.#entries.get(entry.connection) !== entry) return;
    this.#inDoubt.add(entry);
    if (this.#inDoubt.size > 1) return;
    const again = () => {
      const entries = [...this.#inDoubt];
      this.#inDoubt.clear();
      for (const each of entries) this.#check(each);
    };
    void this.#clock.wait(LOOK_AGAIN_MS).then(again, again);
  }

  #end(entry: Entry, error: NowggAuthError): void {
    if (this.#entries.get(entry.connection) !== entry) return;
    this.remove(entry.connection);
    entry.connection.end(error);
  }

  #keysOf({ held, principal }: Entry): [Index, string][] {
    const { user, session, token, credential } = this.#indexes;
    const { userId, sessionId, tokenId } = principal;
    const keys: [Index, string][] = [[user, userId]];
    if (held) keys.push([credential, held.identity(({ digest }) => digest)]);
    if (sessionId !== undefined) keys.push([session, sessionId]);
    if (tokenId !== undefined) keys.push([token, tokenId]);
    return keys;
  }
}

function addTo(index: Index, key: string, entry: Entry): void {
  const found = index.get(key);
  if (found instanceof Set) found.add(entry);
  else index.set(key, found ? new Set([found, entry]) : entry);
}

function removeFrom(index: Index, key: string, entry: Entry): void {
  const found = index.get(key);
  if (found instanceof Set) found.delete(entry);
  if (found === entry || (found instanceof Set && found.size === 0)) index.delete(key);
}
