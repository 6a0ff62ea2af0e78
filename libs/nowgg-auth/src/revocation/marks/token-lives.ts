import type { NowggPrincipal } from '../../principal.js';
import { WATERMARK_RETENTION_MS } from './watermark.js';

const DAY_MS = 24 * 3_600_000;
/** The longest life of a token that states its end, until a longer one is seen. */
export const STATED_LIFE_MS = DAY_MS;
/** A token that states more than this states no usable end. */
const MOST_MS = 3_650 * DAY_MS;

type DatedToken = Pick<NowggPrincipal, 'provider' | 'issuedAt' | 'expiresAt'>;

/**
 * The longest life of each provider's tokens: how long a mark of a user or session matters. Learnt upwards from
 * accepted tokens, never downwards.
 */
export class TokenLives {
  /** As configured, milliseconds. */
  readonly configuredMs: number | undefined;
  readonly #longest = new Map<string, number>();

  constructor(configuredMs?: number) {
    this.configuredMs = configuredMs;
  }

  /** For a provider of which nothing was learnt, milliseconds. */
  get defaultMs(): number {
    return this.configuredMs ?? STATED_LIFE_MS;
  }

  of(provider: string): number {
    return this.#longest.get(provider) ?? this.defaultMs;
  }

  /** What was learnt, where it is longer than the default. */
  entries(): readonly (readonly [string, number])[] {
    return [...this.#longest];
  }

  /** @returns whether it is longer than what was known */
  grow(provider: string, lifeMs: number): boolean {
    if (!(lifeMs > this.of(provider))) return false;
    this.#longest.set(provider, lifeMs);
    return true;
  }

  /** The life that a token shows, milliseconds; in whole days, so that it grows in few steps. */
  shownBy({ issuedAt, expiresAt }: DatedToken, nowMs: number): number {
    if (expiresAt === undefined) return this.configuredMs ?? WATERMARK_RETENTION_MS;
    const lifeMs = expiresAt.getTime() - (issuedAt?.getTime() ?? nowMs);
    return lifeMs <= STATED_LIFE_MS ? lifeMs : Math.ceil(Math.min(lifeMs, MOST_MS) / DAY_MS) * DAY_MS;
  }
}
