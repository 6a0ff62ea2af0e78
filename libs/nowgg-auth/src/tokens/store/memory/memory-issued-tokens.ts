import type { NowggClock } from '../../../clock.js';
import { WATERMARK_RETENTION_MS } from '../../../revocation/marks/watermark.js';
import { isLive, type GrantRecord } from '../grant-record.js';
import {
  EXPIRY_TOLERANCE_MS,
  type IssuedToken,
  type NewIssuedToken,
  type TokensOfEndedGrant,
} from '../issued-token.js';

interface RememberedToken {
  readonly grantId: string;
  readonly credentialId: string;
  readonly generation: number;
  readonly begunAtMs: number;
  readonly notAfterMs: number;
  readonly scopes: readonly string[] | undefined;
}

type Index = Map<string, Map<string, RememberedToken>>;

/** The access tokens that the memory store's grants handed out. */
export class MemoryIssuedTokens {
  readonly #clock: NowggClock;
  readonly #grants: ReadonlyMap<string, GrantRecord>;
  /** By grant, then by token. */
  readonly #byGrant: Index = new Map();
  /** By token, then by grant. */
  readonly #byCredential: Index = new Map();

  constructor(clock: NowggClock, grants: ReadonlyMap<string, GrantRecord>) {
    this.#clock = clock;
    this.#grants = grants;
  }

  /** Records the token of a grant that was just written; an existing record of it stays. */
  add(grant: GrantRecord, issued: NewIssuedToken | undefined, begunAtMs: number): void {
    if (!issued) return;
    const { credentialId } = issued;
    const { id: grantId, generation, accessTokenExpiresAtMs, scopes } = grant;
    if (this.#byGrant.get(grantId)?.has(credentialId)) return;
    const now = this.#clock.now();
    const isStated = accessTokenExpiresAtMs !== undefined && accessTokenExpiresAtMs > now;
    const notAfterMs = isStated ? accessTokenExpiresAtMs : now + WATERMARK_RETENTION_MS;
    const token = { grantId, credentialId, generation, begunAtMs, notAfterMs, scopes };
    insert(this.#byGrant, grantId, credentialId, token);
    insert(this.#byCredential, credentialId, grantId, token);
  }

  /** Drops the expired tokens of one grant. */
  expire(grantId: string): void {
    for (const token of this.#of(grantId)) if (!this.#isOut(token)) this.#drop(token);
  }

  /** See `TokenStore.findTokensOfEnded`. */
  ofEnded({ id, provider, sessionId }: GrantRecord): TokensOfEndedGrant {
    const isOtherLive = (grant: GrantRecord | undefined) =>
      grant !== undefined && grant.id !== id && grant.provider === provider && isLive(grant);
    const isHeldElsewhere = ({ credentialId }: RememberedToken) =>
      [...(this.#byCredential.get(credentialId)?.keys() ?? [])].some((holder) => isOtherLive(this.#grants.get(holder)));
    const sharesSession = [...this.#grants.values()].some(
      (grant) => sessionId !== undefined && grant.sessionId === sessionId && isOtherLive(grant),
    );
    const tokens = this.#of(id)
      .filter((token) => this.#isOut(token) && !isHeldElsewhere(token))
      .map(({ credentialId, notAfterMs }) => ({ credentialId, notAfterMs }));
    return { sharesSession, tokens };
  }

  find(provider: string, credentialId: string): IssuedToken[] {
    return [...(this.#byCredential.get(credentialId)?.values() ?? [])].flatMap((token) => {
      const { grantId, generation, begunAtMs, scopes } = token;
      const grant = this.#grants.get(grantId);
      return grant?.provider === provider ? [{ grantId, userId: grant.userId, generation, begunAtMs, scopes }] : [];
    });
  }

  /** Deletes at most `limit` expired tokens. @returns the number deleted */
  sweep(limit: number): number {
    const all = [...this.#byGrant.values()].flatMap((tokens) => [...tokens.values()]);
    const gone = all.filter((token) => !this.#isOut(token)).slice(0, limit);
    for (const token of gone) this.#drop(token);
    return gone.length;
  }

  /** Deletes every token of a grant. */
  forget(grantId: string): void {
    for (const token of this.#of(grantId)) this.#drop(token);
  }

  #of(grantId: string): RememberedToken[] {
    return [...(this.#byGrant.get(grantId)?.values() ?? [])];
  }

  #drop({ grantId, credentialId }: RememberedToken): void {
    remove(this.#byGrant, grantId, credentialId);
    remove(this.#byCredential, credentialId, grantId);
  }

  #isOut({ notAfterMs }: RememberedToken): boolean {
    return notAfterMs > this.#clock.now() - EXPIRY_TOLERANCE_MS;
  }
}

function insert(index: Index, first: string, second: string, token: RememberedToken): void {
  const tokens = index.get(first) ?? new Map<string, RememberedToken>();
  tokens.set(second, token);
  index.set(first, tokens);
}

function remove(index: Index, first: string, second: string): void {
  const tokens = index.get(first);
  tokens?.delete(second);
  if (tokens?.size === 0) index.delete(first);
}
