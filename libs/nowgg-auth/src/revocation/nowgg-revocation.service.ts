import { LAST_DATE_MS, type NowggClock } from '../clock.js';
import { InvalidRequestError, NowggConfigurationError } from '../errors.js';
import { checkAuthor, noticeOf, type RevokeOptions } from './ban-notice.js';
import { banRecordOf, type NowggBanRecord } from './ban-record.js';
import { checkFeature, type FeatureBans, featureSubject } from './feature-bans.js';
import { checkIdentifier } from '../identity/claims.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { AuditAct } from '../trail/audit-act.js';
import { publishSecurityEvent } from '../events/security-events.js';
import type { RevocationFeed } from './revocation-feed.js';
import { onePerSubject, type RevocationStore } from './revocation-store.js';
import { type HandedOutToken, type ProviderSignOut, type RevokedGrant, TokenRevocations } from './issued-tokens.js';
import type { RevocationKind, RevocationSubject, Watermark } from './marks/watermark.js';

/**
 * The target of a revocation: exactly one of the four ids. `provider` may be omitted when there is only one. With
 * `feature`, the user is banned from this feature only, see `@RequireFeature`.
 */
export type RevocationTarget = { readonly provider?: string } & (
  | { readonly userId: string; readonly feature?: string }
  | { readonly sessionId: string }
  | { readonly tokenId: string }
  | { readonly token: string }
);

/** Called when a user is revoked, for data about them that is stored elsewhere. */
export type UserRevokedListener = (user: { readonly provider: string; readonly userId: string }) => Promise<unknown>;

interface NowggRevocationServiceParts {
  readonly store: RevocationStore;
  readonly feed: RevocationFeed;
  readonly providers: IdentityProviders;
  readonly clock: NowggClock;
  readonly clockSkewMs: number;
  /** Absent: there are no bans from features. */
  readonly features?: FeatureBans | undefined;
}

/** A user and a feature. */
interface FeatureSubject {
  readonly feature: string;
  /** The user's ban from the feature, in the store of feature bans. */
  readonly subject: RevocationSubject;
  readonly player: RevocationSubject;
}

/** Stands for no end where only its presence counts. */
const UNTIL_LIFTED = new Date(LAST_DATE_MS);

const KINDS = { userId: 'user', sessionId: 'session', tokenId: 'token' } as const;

/** How well a process knows the revocations of the store. */
export interface NowggRevocationFeed {
  /** Whether all revocations that can still refuse something were read once. */
  readonly isLoaded: boolean;
  /** Time since the last complete reading began, in milliseconds; undefined before it. */
  readonly ageMs: number | undefined;
  /** Number of users, sessions and tokens with a revocation that this process knows. */
  readonly size: number;
}

/**
 * Refuses tokens here although the identity system still accepts them: a ban, a sign-out, a stolen token. Every process
 * that shares the revocation store applies a revocation within 1.5 seconds. With `memoryRevocationStore()`, the
 * default, that is this process alone.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggRevocationService } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class SupportDesk {
 *   constructor(private readonly revocations: NowggRevocationService) {}
 *
 *   async ban(userId: string, until: Date) {
 *     await this.revocations.revoke({ userId }, { until });
 *   }
 * }
 * ```
 */
export class NowggRevocationService extends TokenRevocations {
  readonly #parts: NowggRevocationServiceParts;
  readonly #listeners: UserRevokedListener[] = [];

  constructor(parts: NowggRevocationServiceParts) {
    super();
    this.#parts = parts;
  }

  /**
   * Refuses users, sessions or tokens from now on, several in one round trip. Revoking a user revokes their grants too. A
   * store in PostgreSQL writes each target in the audit, in the same statement.
   *
   * @throws IdentityUnavailableError when the store cannot be written: then the outcome is not known, repeat the call
   * @throws InvalidRequestError when a target names nothing, or several things, `until` is not a date in the future, or
   * the reason has no `until`, is too long or has other characters
   *
   * @example
   * ```ts
   * import { NowggRevocationService } from 'nestjs-nowgg-auth';
   *
   * export async function banCheater(revocations: NowggRevocationService, userId: string) {
   *   const reason = { code: 'cheating', text: 'Aim assistance was found.' };
   *   await revocations.revoke({ userId }, { until: new Date('2099-01-01'), reason, by: 'desk-7' }); // new sign-ins too
   * }
   *
   * export async function signOutEverywhere(revocations: NowggRevocationService, userId: string) {
   *   await revocations.revoke({ userId }, { by: 'desk-7', note: 'asked by mail' }); // everything that was issued so far
   * }
   * ```
   */
  async revoke(target: RevocationTarget | readonly RevocationTarget[], options: RevokeOptions = {}): Promise<void> {
    const given = targetsOf(target).map((each) => ({ target: each, feature: this.#featureOf(each) }));
    await this.#banFromFeatures(
      given.flatMap(({ feature }) => feature ?? []),
      options,
    );
    const ofPlayers = given.filter(({ feature }) => feature === undefined);
    if (ofPlayers.length === 0) return;
    const subjects = ofPlayers.map((each) => this.#subjectOf(each.target));
    const times = this.#timesOf(options.until);
    const ban = noticeOf(options, this.#parts.clock.now());
    await this.#write(
      subjects.map((subject) => ({ ...subject, ...times, ban })),
      subjects.map((subject) => actOf(options.until ? 'ban' : 'sign_out', subject, options)),
    );
    const type = options.until ? 'banned' : 'revoked';
    const { by, reason } = options;
    for (const { provider } of subjects) publishSecurityEvent({ type, provider, by, reasonCode: reason?.code });
    for (const { provider, kind, id } of subjects) {
      if (kind !== 'user') continue;
      for (const listener of this.#listeners) await listener({ provider, userId: id });
    }
  }

  /**
   * Lifts every revocation of a target. Grants that ended stay ended: the player must sign in again.
   *
   * @example
   * ```ts
   * import { NowggRevocationService } from 'nestjs-nowgg-auth';
   *
   * export async function liftBan(revocations: NowggRevocationService, userId: string) {
   *   await revocations.restore({ userId });
   * }
   * ```
   */
  async restore(target: RevocationTarget, options: Pick<RevokeOptions, 'by' | 'note'> = {}): Promise<void> {
    const { subject, store, feed, feature } = this.#placeOf(target);
    checkAuthor(options);
    const { by } = options;
    const act = actOf('restore', this.#subjectOf(target), options, feature);
    await feed.write([subject], async () => {
      await store.restore(subject, [act]);
      return [{ ...subject, issuedUntilMs: undefined, refusedUntilMs: undefined }];
    });
    publishSecurityEvent({ type: 'restored', provider: subject.provider, by, feature });
    await feed.announce();
  }

  /**
   * Returns how well this process knows the revocations of the store, for a metrics page or an alarm.
   *
   * @example
   * ```ts
   * import { NowggRevocationService } from 'nestjs-nowgg-auth';
   *
   * export function bansAreSeen(revocations: NowggRevocationService) {
   *   const { ageMs } = revocations.feed();
   *   return ageMs !== undefined && ageMs < 10_000;
   * }
   * ```
   */
  feed(): NowggRevocationFeed {
    const { isLoaded, ageMs, size } = this.#parts.feed;
    return { isLoaded, ageMs, size };
  }

  /**
   * Whether anything of a target is refused at present, according to the store.
   *
   * @example
   * ```ts
   * import { NowggRevocationService } from 'nestjs-nowgg-auth';
   *
   * export async function standingOf(revocations: NowggRevocationService, userId: string) {
   *   return (await revocations.isRevoked({ userId })) ? 'refused' : 'in good standing';
   * }
   * ```
   */
  async isRevoked(target: RevocationTarget): Promise<boolean> {
    const { subject, store, feed } = this.#placeOf(target);
    const watermark = await store.find(subject);
    return watermark !== undefined && feed.isInForce(watermark);
  }

  /**
   * Returns the ban of a target that is in force, according to the store.
   *
   * @example
   * ```ts
   * import { NowggRevocationService } from 'nestjs-nowgg-auth';
   *
   * export async function explainBan(revocations: NowggRevocationService, userId: string) {
   *   const ban = await revocations.findBan({ userId });
   *   return ban && `${ban.reasonCode ?? 'no reason'}, by ${ban.by ?? 'unknown'}, until ${ban.until?.toISOString()}`;
   * }
   * ```
   */
  async findBan(target: RevocationTarget): Promise<NowggBanRecord | undefined> {
    const { subject, store } = this.#placeOf(target);
    const untilMs = (await store.find(subject))?.refusedUntilMs;
    return banRecordOf(subject, untilMs, store, this.#parts.clock);
  }

  /**
   * Registers a listener that is called when a user is revoked.
   *
   * @example
   * ```ts
   * import { NowggRevocationService } from 'nestjs-nowgg-auth';
   *
   * type Sockets = Map<string, { close(): void }>;
   *
   * export function closeSocketsOfRevoked(revocations: NowggRevocationService, sockets: Sockets) {
   *   revocations.onUserRevoked(async ({ userId }) => sockets.get(userId)?.close());
   * }
   * ```
   */
  onUserRevoked(listener: UserRevokedListener): void {
    this.#listeners.push(listener);
  }

  /** Refuses everything issued under a grant that has just ended: its session, if it has one, and its tokens. */
  override async refuseTokensOf({ provider, sessionId, tokens, cause }: RevokedGrant): Promise<void> {
    const times = this.#timesOf(undefined);
    const now = this.#parts.clock.now();
    const unexpired = tokens.filter(({ notAfterMs }) => notAfterMs === undefined || notAfterMs > now);
    const ofTokens = unexpired.map(
      ({ credentialId, notAfterMs }): Watermark => ({
        provider,
        kind: 'credential',
        id: credentialId,
        ...times,
        notAfterMs,
        cause,
      }),
    );
    const ofSession: Watermark[] =
      sessionId === undefined
        ? []
        : [{ provider, kind: 'session', id: sessionId, ...times, notAfterMs: lastOf(unexpired), cause }];
    await this.#write([...ofTokens, ...ofSession]);
  }

  /**
   * Refuses what the identity system had issued before it signed a user or a session out. The same sign-out again changes
   * nothing, so that it never concerns a later sign-in.
   */
  override async refuseSignedOut({ provider, kind, id, atMs }: ProviderSignOut): Promise<number> {
    const { feed, store, clock } = this.#parts;
    const markedAtMs = Math.min(atMs, clock.now());
    const mark: Watermark = {
      provider,
      kind,
      id,
      issuedUntilMs: atMs,
      refusedUntilMs: undefined,
      markedAtMs,
      isStated: true,
    };
    let stored: readonly Watermark[] = [];
    await feed.write([mark], async () => {
      stored = await store.putMany([mark]);
      return stored;
    });
    await feed.announce();
    publishSecurityEvent({ type: 'revoked', provider });
    return stored[0]?.markedAtMs ?? markedAtMs;
  }

  /** Bans from features. Without `until`, until they are lifted. */
  async #banFromFeatures(bans: readonly FeatureSubject[], options: RevokeOptions): Promise<void> {
    if (bans.length === 0) return;
    const { feed, store } = this.#features;
    const until = options.until ?? UNTIL_LIFTED;
    this.#timesOf(options.until);
    const ban = noticeOf({ ...options, until }, this.#parts.clock.now());
    const refusedUntilMs = options.until?.getTime() ?? Number.POSITIVE_INFINITY;
    const marks = onePerSubject(
      bans.map(({ subject }) => ({ ...subject, issuedUntilMs: undefined, refusedUntilMs, ban })),
    );
    const acts = bans.map(({ player, feature }) => actOf('ban', player, options, feature));
    await feed.write(marks, () => store.putMany(marks, acts));
    const { by, reason } = options;
    for (const { subject, feature } of bans) {
      publishSecurityEvent({ type: 'banned', provider: subject.provider, by, reasonCode: reason?.code, feature });
    }
    await feed.announce();
  }

  /** Where the revocation of a target is kept. */
  #placeOf(target: RevocationTarget) {
    const ofFeature = this.#featureOf(target);
    if (!ofFeature) return { subject: this.#subjectOf(target), ...this.#parts, feature: undefined };
    const { feed, store } = this.#features;
    return { ...ofFeature, feed, store };
  }

  #featureOf(target: RevocationTarget): FeatureSubject | undefined {
    const { feature } = target as { feature?: unknown };
    if (feature === undefined) return undefined;
    const player = this.#subjectOf(target);
    if (player.kind !== 'user') throw new InvalidRequestError('feature needs userId');
    checkFeature(feature);
    return { feature, subject: featureSubject(player.provider, player.id, feature), player };
  }

  get #features(): FeatureBans {
    const { features } = this.#parts;
    if (features) return features;
    throw new NowggConfigurationError('this NowggRevocationService was created without bans from features');
  }

  async #write(watermarks: readonly Watermark[], acts: readonly AuditAct[] = []): Promise<void> {
    if (watermarks.length === 0) return;
    const given = onePerSubject(watermarks);
    await this.#parts.feed.write(given, () => this.#parts.store.putMany(given, acts));
    await this.#parts.feed.announce();
  }

  #timesOf(until: Date | undefined) {
    const now = this.#parts.clock.now();
    const refusedUntilMs = until?.getTime();
    if (refusedUntilMs !== undefined && !(refusedUntilMs > now)) {
      throw new InvalidRequestError('until must be a Date in the future');
    }
    const issuedUntilMs = refusedUntilMs === undefined ? now + this.#parts.clockSkewMs : undefined;
    return { issuedUntilMs, refusedUntilMs, markedAtMs: issuedUntilMs === undefined ? undefined : now };
  }

  #subjectOf(target: RevocationTarget): RevocationSubject {
    const provider = this.#parts.providers.getOrOnly(target.provider).name;
    const named = (['userId', 'sessionId', 'tokenId', 'token'] as const).filter((key) => key in target);
    const [key] = named;
    const id = key && (target as Record<typeof key, unknown>)[key];
    if (named.length !== 1 || key === undefined) {
      throw new InvalidRequestError('exactly one of userId, sessionId, tokenId and token must be given');
    }
    if (key === 'token') {
      if (typeof id !== 'string' || id === '') throw new InvalidRequestError('token must be a non-empty string');
      return { provider, kind: 'credential', id: this.#parts.providers.get(provider).credentialIdOf(id) };
    }
    checkIdentifier(key, id);
    const kind: RevocationKind = KINDS[key];
    return { provider, kind, id };
  }
}

/** An act for the audit. */
function actOf(
  action: 'ban' | 'sign_out' | 'restore',
  { provider, kind, id }: RevocationSubject,
  { until, reason, by, note }: RevokeOptions,
  feature?: string,
): AuditAct {
  return {
    action,
    provider,
    target: { kind, id },
    feature,
    // The end that a ban from a feature has without `until` is not stated.
    untilMs: until?.getTime(),
    reasonCode: reason?.code,
    reasonText: reason?.text,
    ...(by !== undefined && { by }),
    ...(note !== undefined && { note }),
  };
}

function targetsOf(target: RevocationTarget | readonly RevocationTarget[]): readonly RevocationTarget[] {
  return Array.isArray(target) ? target : [target as RevocationTarget];
}

/** The last expiry of several tokens; undefined when none states its expiry. */
function lastOf(tokens: readonly HandedOutToken[]): number | undefined {
  const expiries = tokens.flatMap(({ notAfterMs }) => (notAfterMs === undefined ? [] : [notAfterMs]));
  return expiries.length === 0 ? undefined : Math.max(...expiries);
}
