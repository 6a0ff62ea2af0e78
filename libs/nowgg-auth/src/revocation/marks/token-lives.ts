import type { NowggPrincipal } from '../../principal.js';
import { WATERMARK_RETENTION_MS } from './watermark.js';

const DAY_MS = 24 * 3_600_000;
/** The longest life of a token that states its expiry, until a longer one is seen. */
const STATED_LIFE_MS = DAY_MS;
/** A token that states a longer life than this states no usable expiry. */
const MOST_MS = 3_650 * DAY_MS;

type DatedToken = Pick<NowggPrincipal, 'provider' | 'issuedAt' | 'expiresAt'>;

/**
 * The longest life of each provider's tokens: the time for which a mark of a user or session is relevant. Learned from
 * accepted tokens; a life only grows.
 */
export class TokenLives {
  /** The configured life, in milliseconds. */
  readonly configuredMs: number | undefined;
  readonly #longest = new Map<string, number>();

  constructor(configuredMs?: number) {
    this.configuredMs = configuredMs;
  }

  /** The life for a provider without a learned one, in milliseconds. */
  get defaultMs(): number {
    return this.configuredMs ?? STATED_LIFE_MS;
  }

  of(provider: string): number {
    return this.#longest.get(provider) ?? this.defaultMs;
  }

  /** The learned lives that are longer than the default. */
  entries(): readonly (readonly [string, number])[] {
    return [...this.#longest];
  }

  /** Learns a life. @returns whether it is longer than the known one */
  grow(provider: string, lifeMs: number): boolean {
    if (!(lifeMs > this.of(provider))) return false;
    this.#longest.set(provider, lifeMs);
    return true;
  }

  /** The life that a token shows, in milliseconds; in whole days, so that it grows in few steps. */
  shownBy({ issuedAt, expiresAt }: DatedToken, nowMs: number): number {
    if (expiresAt === undefined) return this.configuredMs ?? WATERMARK_RETENTION_MS;
    const lifeMs = expiresAt.getTime() - (issuedAt?.getTime() ?? nowMs);
    return lifeMs <= STATED_LIFE_MS ? lifeMs : Math.ceil(Math.min(lifeMs, MOST_MS) / DAY_MS) * DAY_MS;
  }
}
