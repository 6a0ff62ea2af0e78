import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { FeatureBannedError, InvalidRequestError, NowggConfigurationError, StoreUnavailableError } from '../errors.js';
import type { NowggPrincipal } from '../principal.js';
import { Bans } from './bans.js';
import { type RevocationNotifier, RevocationFeed } from './revocation-feed.js';
import type { RevocationStore } from './revocation-store.js';
import type { RevocationSubject } from './marks/watermark.js';

const FEATURE = /^[\w.-]{1,64}$/;
const RETRY_S = 2;

interface FeatureBansParts {
  /** The store of feature bans; undefined when the application's store keeps none. */
  readonly store: RevocationStore | undefined;
  readonly clock: NowggClock;
  readonly hints: RevocationNotifier | undefined;
  readonly beforeFirstLoad: 'refuse' | 'serve';
  readonly onUnknown: 'serve' | 'refuse';
  /** Whether any route requires a feature: then the bans are read from the start on. */
  readonly areRequired: () => boolean;
}

/** What a route says about bans that cannot be read. */
interface Strictness {
  readonly allowStale?: boolean | undefined;
  readonly maxAgeMs?: number | undefined;
}

/** Whether a value can name a feature. A space, which joins it to a user's id, is not part of any. */
export function isFeature(value: unknown): value is string {
  return typeof value === 'string' && FEATURE.test(value);
}

/** The subject of a ban of one user from one feature, in the store of feature bans. */
export function featureSubject(provider: string, userId: string, feature: string): RevocationSubject {
  return { provider, kind: 'user', id: `${feature} ${userId}` };
}

/**
 * The bans of players from single features, which this process follows as it follows all others: a check does no I/O.
 * An application in which no route requires a feature reads nothing.
 */
export class FeatureBans implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #parts: FeatureBansParts;
  readonly #feed: RevocationFeed | undefined;
  readonly #bans: Bans | undefined;
  #start: Promise<void> | undefined;
  #isStarted = false;

  constructor(parts: FeatureBansParts) {
    const { store, clock, hints } = parts;
    this.#parts = parts;
    this.#feed = store && new RevocationFeed(store, clock, hints);
    this.#bans = store && this.#feed && new Bans({ store, feed: this.#feed, clock });
  }

  /** @throws NowggConfigurationError when the store of the application keeps no feature bans */
  get feed(): RevocationFeed {
    if (this.#feed) return this.#feed;
    throw new NowggConfigurationError('the revocation store of this application keeps no bans from features');
  }

  /** @throws as {@link feed} */
  get store(): RevocationStore {
    if (this.#parts.store) return this.#parts.store;
    throw new NowggConfigurationError('the revocation store of this application keeps no bans from features');
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.#parts.areRequired()) await this.#started();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#feed?.close();
  }

  /**
   * Checks that a caller is banned from none of these features.
   * @throws FeatureBannedError, StoreUnavailableError
   */
  check(
    { provider, userId }: NowggPrincipal,
    features: readonly string[],
    strictness: Strictness = {},
  ): true | Promise<true> {
    const now = () => {
      this.#refuseUnread(strictness);
      for (const feature of features) {
        const subject = featureSubject(provider, userId, feature);
        const untilMs = this.feed.find(subject)?.refusedUntilMs;
        if (untilMs === undefined || untilMs <= this.#parts.clock.now()) continue;
        const explained = this.#bans?.explain({ ...subject, untilMs });
        if (explained instanceof Promise) {
          return explained.then(({ ban }): never => {
            throw new FeatureBannedError(feature, ban);
          });
        }
        throw new FeatureBannedError(feature, explained?.ban);
      }
      return true;
    };
    return this.#isStarted ? now() : this.#started().then(now);
  }

  #refuseUnread({ allowStale, maxAgeMs }: Strictness): void {
    const { clock, beforeFirstLoad, onUnknown } = this.#parts;
    if (this.feed.isCurrentAt(clock.monotonicNow())) return;
    const isStrict = onUnknown === 'refuse' || allowStale === false || maxAgeMs === 0;
    if (this.feed.isLoaded ? isStrict : beforeFirstLoad === 'refuse') throw new StoreUnavailableError(RETRY_S);
  }

  async #started(): Promise<void> {
    this.#start ??= this.feed.start();
    await this.#start;
    this.#isStarted = true;
  }
}

/** @throws InvalidRequestError */
export function checkFeature(feature: unknown): asserts feature is string {
  if (!isFeature(feature)) throw new InvalidRequestError('feature must be 1 to 64 characters of A-Z a-z 0-9 . _ -');
}
