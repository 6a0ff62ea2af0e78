import { LRUCache } from 'lru-cache';
import { NowggConfigurationError } from '../errors.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { NowggPrincipal } from '../principal.js';
import { SingleFlight } from '../resilience/single-flight.js';
import type { UserResolver } from './caller.js';
import { callHook, type HookBounds } from './hook-call.js';

interface NowggPlayersParts extends HookBounds {
  readonly resolve: UserResolver;
  readonly providers: Pick<IdentityProviders, 'getOrOnly'>;
  /** Time for which a resolved user is used, in milliseconds. */
  readonly maxAgeMs: number;
  readonly maxEntries: number;
  readonly news?: PlayerNews | undefined;
}

/** The way to the other processes, if there is one. */
interface PlayerNews {
  /** Never rejects. */
  announcePlayer(user: string): Promise<void>;
  onPlayer(listener: (user: string) => void): () => void;
}

interface Kept {
  readonly player: unknown;
  readonly atMs: number;
}

/**
 * The application's own users of callers, as the option `resolveUser` finds them. Kept for a short time, the same object
 * for all requests: treat it as read-only.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggPlayers } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class Promotions {
 *   constructor(private readonly players: NowggPlayers) {}
 *
 *   async makeAdmin(userId: string) {
 *     // … writes the role to the database, then:
 *     this.players.invalidate({ userId });
 *   }
 * }
 * ```
 */
export class NowggPlayers<Player = unknown> {
  readonly #parts: NowggPlayersParts;
  readonly #kept: LRUCache<string, Kept>;
  readonly #flights = new SingleFlight<Kept>();

  constructor(parts: NowggPlayersParts) {
    this.#parts = parts;
    this.#kept = new LRUCache({ max: parts.maxEntries });
    // Until the application ends.
    parts.news?.onPlayer((user) => this.#forget(user));
  }

  /**
   * Returns the user of a principal, without a promise when it is known.
   *
   * @throws PlayerUnavailableError when the application's function fails or is late, or its own `HttpException`
   *
   * @example
   * ```ts
   * import type { NowggPlayers, NowggPrincipal } from 'nestjs-nowgg-auth';
   *
   * export async function nicknameOf(players: NowggPlayers<{ nickname: string }>, principal: NowggPrincipal) {
   *   return (await players.of(principal)).nickname;
   * }
   * ```
   */
  of(principal: NowggPrincipal): Player | Promise<Player> {
    const key = keyOf(principal);
    const kept = this.#kept.get(key);
    if (kept && this.#parts.clock.monotonicNow() - kept.atMs < this.#parts.maxAgeMs) return kept.player as Player;
    return this.#flights
      .join(
        key,
        async () => this.#resolve(principal),
        (fresh) => void this.#kept.set(key, fresh),
      )
      .then(({ player }) => player as Player);
  }

  /**
   * Forgets a user, so that the next request resolves it again: after a change of roles, for example. In this process at
   * once. The others hear of it through `sharedCache`; without one, and while it cannot be reached, they see the change
   * within `maxAgeMs` of `resolveUser`. Call it when the change is committed.
   *
   * @param user the provider may be left out when the module has one only
   *
   * @example
   * ```ts
   * import type { NowggPlayers } from 'nestjs-nowgg-auth';
   *
   * export function afterChange(players: NowggPlayers, userId: string) {
   *   players.invalidate({ userId });
   * }
   * ```
   */
  invalidate({ userId, provider }: { readonly userId: string; readonly provider?: string }): void {
    const key = keyOf({ provider: this.#parts.providers.getOrOnly(provider).name, userId });
    this.#forget(key);
    void this.#parts.news?.announcePlayer(key);
  }

  #forget(key: string): void {
    this.#kept.delete(key);
    this.#flights.invalidate(key);
  }

  async #resolve(principal: NowggPrincipal): Promise<Kept> {
    const { clock, resolve } = this.#parts;
    const atMs = clock.monotonicNow();
    const player = await callHook(() => resolve(principal), this.#parts);
    if (player === undefined || player === null) {
      throw new NowggConfigurationError('resolveUser returned no user: it must return one, or throw an HttpException');
    }
    return { player, atMs };
  }
}

/** A user id has no control characters. */
function keyOf({ provider, userId }: Pick<NowggPrincipal, 'provider' | 'userId'>): string {
  return `${provider}\0${userId}`;
}
