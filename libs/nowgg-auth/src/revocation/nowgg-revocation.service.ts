import type { NowggClock } from '../clock.js';
import { InvalidRequestError } from '../errors.js';
import { isIdentifier } from '../identity/claims.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { RevocationFeed } from './revocation-feed.js';
import type { RevocationStore } from './revocation-store.js';
import type { RevokedGrant } from './token-revocations.js';
import { TokenRevocations } from './token-revocations.js';
import { isSpent, type RevocationKind, type RevocationSubject } from './watermark.js';

/** Exactly one of the four says what is meant; `provider` may be left out where there is only one. */
export type RevocationTarget = { readonly provider?: string } & (
  | { readonly userId: string }
  | { readonly sessionId: string }
  | { readonly tokenId: string }
  | { readonly token: string }
);

export interface RevokeOptions {
  /** Refuse everything until then, new sign-ins included. Without it: everything that was issued so far. */
  readonly until?: Date;
}

/** Called when a user is revoked, for what is kept about him elsewhere. */
export type UserRevokedListener = (user: { readonly provider: string; readonly userId: string }) => Promise<unknown>;

const KINDS = { userId: 'user', sessionId: 'session', tokenId: 'token' } as const;

/**
 * Refuses tokens here although the identity system still takes them: a ban, a sign-out, a stolen token. Every process
 * that shares the revocation store knows within 1.5 seconds. With `memoryRevocationStore()`, the default, that is this
 * process alone.
 */
export class NowggRevocationService extends TokenRevocations {
  readonly #store: RevocationStore;
  readonly #feed: RevocationFeed;
  readonly #providers: IdentityProviders;
  readonly #clock: NowggClock;
  readonly #clockSkewMs: number;
  readonly #listeners: UserRevokedListener[] = [];

  constructor(parts: {
    readonly store: RevocationStore;
    readonly feed: RevocationFeed;
    readonly providers: IdentityProviders;
    readonly clock: NowggClock;
    readonly clockSkewMs: number;
  }) {
    super();
    this.#store = parts.store;
    this.#feed = parts.feed;
    this.#providers = parts.providers;
    this.#clock = parts.clock;
    this.#clockSkewMs = parts.clockSkewMs;
  }

  /**
   * Refuses a user, session or token from now on. Revoking a user revokes his grants too.
   *
   * @throws IdentityUnavailableError when the store cannot be written: then nothing is certain, repeat it
   * @throws InvalidRequestError when the target names nothing, or several things, or `until` is no date ahead
   */
  async revoke(target: RevocationTarget, options: RevokeOptions = {}): Promise<void> {
    const subject = this.#subjectOf(target);
    await this.#put(subject, options.until);
    if (subject.kind !== 'user') return;
    for (const listener of this.#listeners) await listener({ provider: subject.provider, userId: subject.id });
  }

  /** Lifts whatever was revoked of a target. Grants that ended stay ended: the player signs in again. */
  async restore(target: RevocationTarget): Promise<void> {
    const subject = this.#subjectOf(target);
    await this.#store.lift(subject);
    this.#feed.apply({ ...subject, issuedUntilMs: undefined, refusedUntilMs: undefined });
    await this.#feed.announce();
  }

  /** Whether anything of a target is refused at present, as the store has it. */
  async isRevoked(target: RevocationTarget): Promise<boolean> {
    const watermark = await this.#store.find(this.#subjectOf(target));
    return watermark !== undefined && !isSpent(watermark, this.#clock.now());
  }

  /** Registers what else has to happen when a user is revoked. */
  onUserRevoked(listener: UserRevokedListener): void {
    this.#listeners.push(listener);
  }

  /** Refuses what was issued under a grant that has just ended: its session where it has one, and its tokens. */
  override async refuseTokensOf({ provider, sessionId, tokens }: RevokedGrant): Promise<void> {
    if (sessionId !== undefined) await this.#put({ provider, kind: 'session', id: sessionId }, undefined);
    for (const { credentialId } of tokens) {
      await this.#put({ provider, kind: 'credential', id: credentialId }, undefined);
    }
  }

  async #put(subject: RevocationSubject, until: Date | undefined): Promise<void> {
    const now = this.#clock.now();
    const refusedUntilMs = until?.getTime();
    if (refusedUntilMs !== undefined && !(refusedUntilMs > now)) {
      throw new InvalidRequestError('until must be a date ahead');
    }
    const issuedUntilMs = refusedUntilMs === undefined ? now + this.#clockSkewMs : undefined;
    this.#feed.apply(await this.#store.put({ ...subject, issuedUntilMs, refusedUntilMs }));
    await this.#feed.announce();
  }

  #subjectOf(target: RevocationTarget): RevocationSubject {
    const provider = this.#providers.getOrOnly(target.provider).name;
    const named = (['userId', 'sessionId', 'tokenId', 'token'] as const).filter((key) => key in target);
    const [key] = named;
    const id = key && (target as Record<typeof key, unknown>)[key];
    if (named.length !== 1 || key === undefined) {
      throw new InvalidRequestError('exactly one of userId, sessionId, tokenId and token must be given');
    }
    if (key === 'token') {
      if (typeof id !== 'string' || id === '') throw new InvalidRequestError('token must be a non-empty string');
      return { provider, kind: 'credential', id: this.#providers.get(provider).credentialIdOf(id) };
    }
    if (!isIdentifier(id)) throw new InvalidRequestError(`${key} must be 1 to 255 characters without controls`);
    const kind: RevocationKind = KINDS[key];
    return { provider, kind, id };
  }
}
