import type { NowggPrincipal } from '../../principal.js';
import { digestOfCredentialId } from '../../identity/token-text.js';
import { IssuerLeads } from './issuer-leads.js';
import { BY_DIGEST, BY_ID } from './mark-keying.js';
import { MarkTable } from './mark-table.js';
import { TokenLives } from './token-lives.js';
import {
  endOf,
  type MarkCause,
  type RevocationKind,
  type RevocationSubject,
  timesOf,
  type Watermark,
} from './watermark.js';

/** The fields of a verified token that decide whether it falls under a revocation. */
export type RevocableToken = Pick<
  NowggPrincipal,
  'provider' | 'userId' | 'sessionId' | 'tokenId' | 'issuedAt' | 'expiresAt'
>;

/** A ban that refuses something at this moment. */
export interface BanInForce extends RevocationSubject {
  readonly untilMs: number;
}

/** The known revocations of one provider. */
interface ProviderMarks {
  readonly tables: Readonly<Record<RevocationKind, MarkTable>>;
  readonly leads: IssuerLeads;
}

/** Value for a token without a known exchange or refresh. */
export const NEVER_BEGUN = Number.NEGATIVE_INFINITY;

const NOTHING = Number.NEGATIVE_INFINITY;
const EVERYTHING = Number.POSITIVE_INFINITY;

/**
 * The watermarks that this process knows. Every request checks whether its token is revoked here; the check does no
 * I/O, and costs almost nothing while there are no watermarks.
 */
export class Watermarks {
  readonly #lives: TokenLives;
  readonly #byProvider = new Map<string, ProviderMarks>();
  readonly #appliedListeners = new Set<(subject: RevocationSubject) => void>();

  constructor(lives: TokenLives = new TokenLives()) {
    this.#lives = lives;
  }

  /** Number of subjects with a watermark. */
  get size(): number {
    let size = 0;
    for (const { tables } of this.#byProvider.values()) {
      for (const { size: marks } of Object.values(tables)) size += marks;
    }
    return size;
  }

  /**
   * @param digest identity of the token, 32 one-byte characters
   * @param begunAtMs when the exchange or refresh that brought the token began, by the clock of the store
   */
  refuse(token: RevocableToken, digest: string, nowMs: number, begunAtMs: number = NEVER_BEGUN): boolean {
    if (this.#byProvider.size === 0) return false;
    const marks = this.#byProvider.get(token.provider);
    if (!marks) return false;
    const { tables, leads } = marks;
    const { userId, sessionId, tokenId } = token;
    return (
      this.#covers(reachOf(tables.user, userId, nowMs, begunAtMs), token, leads) ||
      (sessionId !== undefined && this.#covers(reachOf(tables.session, sessionId, nowMs, begunAtMs), token, leads)) ||
      // A mark that names the token refuses it, whatever time of issue the token states.
      (tokenId !== undefined && reachOf(tables.token, tokenId, nowMs, begunAtMs) !== NOTHING) ||
      reachOf(tables.credential, digest, nowMs, begunAtMs) !== NOTHING
    );
  }

  /** The ban that refuses a token and ends last. */
  findBan(token: RevocableToken, digest: string, nowMs: number): BanInForce | undefined {
    const tables = this.#byProvider.get(token.provider)?.tables;
    if (!tables) return undefined;
    const { provider, userId, sessionId, tokenId } = token;
    let last: BanInForce | undefined;
    for (const [kind, id] of [
      ['user', userId],
      ['session', sessionId],
      ['token', tokenId],
      ['credential', digest],
    ] as const) {
      const slot = id === undefined ? -1 : tables[kind].find(id);
      if (id === undefined || slot < 0) continue;
      const untilMs = tables[kind].refusedUntilMs(slot);
      if (untilMs > nowMs && untilMs > (last?.untilMs ?? nowMs)) last = { provider, kind, id: idOf(kind, id), untilMs };
    }
    return last;
  }

  /** Whether a mark that was written before a time refuses a token; bans do not count. */
  refusedBefore(token: RevocableToken, digest: string, beforeMs: number, begunAtMs: number = NEVER_BEGUN): boolean {
    const marks = this.#byProvider.get(token.provider);
    if (!marks) return false;
    const { tables, leads } = marks;
    const reach = (kind: RevocationKind, id: string | undefined) =>
      id === undefined ? NOTHING : reachBefore(tables[kind], id, beforeMs, begunAtMs);
    return (
      this.#covers(reach('user', token.userId), token, leads) ||
      this.#covers(reach('session', token.sessionId), token, leads) ||
      reach('token', token.tokenId) !== NOTHING ||
      reach('credential', digest) !== NOTHING
    );
  }

  /** Why the mark of a refused token's session, or of the token itself, was written; undefined where that is not told. */
  causeOf(token: RevocableToken, digest: string, nowMs: number): MarkCause | undefined {
    const marks = this.#byProvider.get(token.provider);
    if (!marks) return undefined;
    const { tables, leads } = marks;
    const { sessionId } = token;
    const isOfElsewhere =
      tables.credential.isOfElsewhere(tables.credential.find(digest)) ||
      (sessionId !== undefined &&
        tables.session.isOfElsewhere(tables.session.find(sessionId)) &&
        this.#covers(reachOf(tables.session, sessionId, nowMs, NEVER_BEGUN), token, leads));
    return isOfElsewhere ? 'signed_in_elsewhere' : undefined;
  }

  find(subject: RevocationSubject): Watermark | undefined {
    const table = this.#byProvider.get(subject.provider)?.tables[subject.kind];
    const slot = table?.find(indexOf(subject.kind, subject.id)) ?? -1;
    if (!table || slot < 0) return undefined;
    const { issuedUntilMs, refusedUntilMs, markedAtMs, notAfterMs } = table.timesOf(slot);
    const { provider, kind, id } = subject;
    return {
      provider,
      kind,
      id,
      issuedUntilMs: present(issuedUntilMs),
      refusedUntilMs: present(refusedUntilMs),
      markedAtMs: present(markedAtMs),
      notAfterMs: present(notAfterMs),
      ...(table.isOfElsewhere(slot) && { cause: 'signed_in_elsewhere' as const }),
    };
  }

  /** Applies the state of a subject as the store has it. */
  apply(watermark: Watermark, nowMs: number): void {
    const { provider, kind } = watermark;
    const id = indexOf(kind, watermark.id);
    const times = timesOf(watermark);
    const endMs = endOf(kind, times, this.#lives.of(provider));
    if (endMs > nowMs)
      this.#marksOf(provider).tables[kind].put(id, times, endMs, watermark.cause === 'signed_in_elsewhere');
    else this.#byProvider.get(provider)?.tables[kind].remove(id);
    for (const listener of this.#appliedListeners) listener(watermark);
  }

  /** Calls a listener with each subject whose state was applied. Returns a function that ends it. */
  onApplied(listener: (subject: RevocationSubject) => void): () => void {
    this.#appliedListeners.add(listener);
    return () => void this.#appliedListeners.delete(listener);
  }

  /** Removes marks that ended a minute ago, without looking at the others. */
  prune(nowMs: number): void {
    for (const [provider, { tables }] of this.#byProvider) {
      for (const [kind, table] of Object.entries(tables) as [RevocationKind, MarkTable][]) {
        table.prune(nowMs, (times) => endOf(kind, times, this.#lives.of(provider)));
      }
    }
  }

  /** Notes that an issuer's clock is ahead of ours: a token that it issued before a sign-out may look newer. */
  noteLead(provider: string, leadMs: number, nowMs: number): void {
    this.#marksOf(provider).leads.note(leadMs, nowMs);
  }

  /** Whether a token was issued within the reach of a mark. */
  #covers(reachMs: number, token: RevocableToken, leads: IssuerLeads): boolean {
    if (reachMs === NOTHING) return false;
    if (reachMs === EVERYTHING) return true;
    const issuedAtMs = token.issuedAt?.getTime();
    if (issuedAtMs === undefined) return !this.#outlives(token, reachMs);
    return issuedAtMs <= reachMs || issuedAtMs <= reachMs + leads.at(reachMs);
  }

  /** Whether a token without a time of issue expires too late to have been issued before the mark. */
  #outlives({ expiresAt }: RevocableToken, reachMs: number): boolean {
    const { configuredMs } = this.#lives;
    return configuredMs !== undefined && expiresAt !== undefined && expiresAt.getTime() > reachMs + configuredMs;
  }

  #marksOf(provider: string): ProviderMarks {
    const known = this.#byProvider.get(provider);
    if (known) return known;
    const created: ProviderMarks = {
      tables: {
        user: new MarkTable(BY_ID),
        session: new MarkTable(BY_ID),
        token: new MarkTable(BY_ID),
        credential: new MarkTable(BY_DIGEST),
      },
      leads: new IssuerLeads(),
    };
    this.#byProvider.set(provider, created);
    return created;
  }
}

/** The latest time of issue up to which the mark of an id refuses tokens. */
function reachOf(table: MarkTable, id: string, nowMs: number, begunAtMs: number): number {
  const slot = table.find(id);
  if (slot < 0) return NOTHING;
  if (table.refusedUntilMs(slot) > nowMs) return EVERYTHING;
  const issuedUntilMs = table.issuedUntilMs(slot);
  return Number.isNaN(issuedUntilMs) || begunAtMs > table.markedAtMs(slot) ? NOTHING : issuedUntilMs;
}

/** The same of a mark that was written before a time, without its ban. */
function reachBefore(table: MarkTable, id: string, beforeMs: number, begunAtMs: number): number {
  const slot = table.find(id);
  if (slot < 0 || !(table.markedAtMs(slot) < beforeMs) || begunAtMs > table.markedAtMs(slot)) return NOTHING;
  const issuedUntilMs = table.issuedUntilMs(slot);
  return Number.isNaN(issuedUntilMs) ? NOTHING : issuedUntilMs;
}

/** Credentials are looked up by the digest that verification keeps. */
function indexOf(kind: RevocationKind, id: string): string {
  return kind === 'credential' ? digestOfCredentialId(id) : id;
}

/** The id of the subject that is found by this index. */
function idOf(kind: RevocationKind, index: string): string {
  return kind === 'credential' ? Buffer.from(index, 'latin1').toString('base64url') : index;
}

function present(timeMs: number): number | undefined {
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
