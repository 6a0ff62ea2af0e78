import type { EmulatorClock } from '../emulator-clock.js';
import type { CodeStore } from './codes.js';
import type { Revocations } from './revocations.js';
import type { EmulatedSession, SessionStore } from './sessions.js';
import { issuedIdOf, fingerprint } from './token-mint.js';

/** The kinds of codes and tokens that the emulator issues. */
export type IssuedKind = 'code' | 'token' | 'id_token' | 'refresh_token';

/** An issued code or token, without its text. Times are epoch milliseconds of the emulator's clock. */
export interface IssuedSecret {
  /** As `issuedIdOf()` computes it from the code or token. */
  readonly id: string;
  readonly kind: IssuedKind;
  readonly userId: string;
  readonly clientId: string;
  /** Absent for codes and id_tokens. */
  readonly sessionId?: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** `used`: a code that was exchanged, a refresh token that was replaced. */
  readonly state: 'active' | 'expired' | 'used' | 'revoked';
}

interface Entry extends Omit<IssuedSecret, 'state' | 'sessionId'> {
  readonly id: string;
  readonly fingerprint: string;
  readonly session: EmulatedSession | undefined;
  /** Sequence number in the mint, for tokens and id_tokens. */
  readonly sequence: number;
}

/** The player and the client of a code or token; a session when it belongs to one. */
type Owner = { readonly userId: string; readonly clientId: string } | EmulatedSession;

/** The latest codes and tokens, to show them to a person. Older ones are no longer listed but keep working. */
export class IssueLedger {
  static readonly capacity = 1_000;
  #entries: Entry[] = [];

  constructor(
    private readonly clock: EmulatorClock,
    private readonly codes: CodeStore,
    private readonly sessions: SessionStore,
    private readonly revocations: Revocations,
  ) {}

  add(kind: IssuedKind, text: string, owner: Owner, expiresAtMs: number, sequence = 0): void {
    const { userId, clientId } = owner;
    const session = 'sessionId' in owner ? owner : undefined;
    const issuedAtMs = this.clock.now();
    const entry = { kind, userId, clientId, session, sequence, issuedAtMs, expiresAtMs };
    this.#entries.push({ ...entry, id: issuedIdOf(text), fingerprint: fingerprint(text) });
    // Removing half of the entries at a time keeps the cost of a token constant.
    if (this.#entries.length >= 2 * IssueLedger.capacity) this.#entries.splice(0, IssueLedger.capacity);
  }

  latest(limit = IssueLedger.capacity): readonly IssuedSecret[] {
    return this.#entries.slice(-Math.min(limit, IssueLedger.capacity)).map((entry) => this.#describe(entry));
  }

  /** Ends a code or token by its id. Returns false when it is not listed here. */
  revoke(id: string): boolean {
    const entry = this.#entries.find((candidate) => candidate.id === id);
    if (!entry) return false;
    if (entry.kind === 'code') this.codes.revoke(entry.fingerprint);
    else if (entry.kind === 'refresh_token') this.sessions.revokeByFingerprint(entry.fingerprint);
    else this.revocations.addToken(entry.fingerprint);
    return true;
  }

  clear(): void {
    this.#entries = [];
  }

  #describe(entry: Entry): IssuedSecret {
    const { id, kind, userId, clientId, session, issuedAtMs, expiresAtMs } = entry;
    return {
      id,
      kind,
      userId,
      clientId,
      ...(session && { sessionId: session.sessionId }),
      issuedAtMs,
      expiresAtMs,
      state: this.#endOf(entry) ?? (expiresAtMs <= this.clock.now() ? 'expired' : 'active'),
    };
  }

  #endOf({ kind, fingerprint, session, userId, sequence }: Entry): 'used' | 'revoked' | undefined {
    if (kind === 'code') return this.codes.endOf(fingerprint);
    if (kind === 'refresh_token') return this.sessions.endOf(fingerprint);
    const revoked =
      session?.revoked === true ||
      this.revocations.coverPlayer(userId, sequence) ||
      this.revocations.coverToken(fingerprint);
    return revoked ? 'revoked' : undefined;
  }
}
