import type { NowggPrincipal } from '../principal.js';
import { digestOfCredentialId } from './credential-id.js';
import { isSpent, type RevocationKind, type RevocationSubject, type Watermark } from './watermark.js';

/** What tells whether a verified token falls under a revocation. */
export type RevocableToken = Pick<NowggPrincipal, 'provider' | 'userId' | 'sessionId' | 'tokenId' | 'issuedAt'>;

/**
 * The watermarks that this process knows, for the question that every request asks: is this token revoked here?
 * Answering takes no I/O and next to nothing while there are none.
 */
export class Watermarks {
  readonly #byProvider = new Map<string, Record<RevocationKind, Map<string, Watermark>>>();
  #size = 0;

  /** Number of subjects with a watermark. */
  get size(): number {
    return this.#size;
  }

  /** @param digest SHA-256 of the token as 32 one-byte characters */
  refuse(token: RevocableToken, digest: string, nowMs: number): boolean {
    if (this.#size === 0) return false;
    const marks = this.#byProvider.get(token.provider);
    if (!marks) return false;
    return (
      refuses(marks.user.get(token.userId), token, nowMs) ||
      (token.sessionId !== undefined && refuses(marks.session.get(token.sessionId), token, nowMs)) ||
      (token.tokenId !== undefined && refuses(marks.token.get(token.tokenId), token, nowMs)) ||
      refuses(marks.credential.get(digest), token, nowMs)
    );
  }

  find({ provider, kind, id }: RevocationSubject): Watermark | undefined {
    return this.#byProvider.get(provider)?.[kind].get(indexOf(kind, id));
  }

  /** Takes over the state of a subject as the store has it. */
  apply(watermark: Watermark, nowMs: number): void {
    const marks = this.#marksOf(watermark.provider)[watermark.kind];
    const index = indexOf(watermark.kind, watermark.id);
    const known = marks.delete(index);
    const kept = !isSpent(watermark, nowMs);
    if (kept) marks.set(index, watermark);
    this.#size += Number(kept) - Number(known);
  }

  /** Drops what cannot refuse anything any more. */
  prune(nowMs: number): void {
    for (const marks of this.#byProvider.values()) {
      for (const byId of Object.values(marks)) {
        for (const [id, watermark] of byId) {
          if (!isSpent(watermark, nowMs)) continue;
          byId.delete(id);
          this.#size -= 1;
        }
      }
    }
  }

  #marksOf(provider: string): Record<RevocationKind, Map<string, Watermark>> {
    const known = this.#byProvider.get(provider);
    if (known) return known;
    const created = { user: new Map(), session: new Map(), token: new Map(), credential: new Map() };
    this.#byProvider.set(provider, created);
    return created;
  }
}

/** Credentials are looked up by the digest that verification has at hand anyway. */
function indexOf(kind: RevocationKind, id: string): string {
  return kind === 'credential' ? digestOfCredentialId(id) : id;
}

function refuses(watermark: Watermark | undefined, token: RevocableToken, nowMs: number): boolean {
  if (!watermark) return false;
  if (watermark.refusedUntilMs !== undefined && watermark.refusedUntilMs > nowMs) return true;
  const { issuedUntilMs } = watermark;
  return issuedUntilMs !== undefined && (token.issuedAt?.getTime() ?? Number.NEGATIVE_INFINITY) <= issuedUntilMs;
}
