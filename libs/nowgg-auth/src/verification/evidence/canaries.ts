import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { NowggClock } from '../../clock.js';

/** An accepted token about which another request may be sent. */
export interface Canary {
  readonly player: string;
  readonly digest: string;
  readonly token: string;
}

interface SealedToken {
  readonly digest: string;
  readonly expiresAtMs: number;
  readonly nonce: Uint8Array;
  readonly text: Uint8Array;
  readonly tag: Uint8Array;
  /** Whether it was refused since it was accepted. */
  wasRefused: boolean;
}

const MOST_PLAYERS = 32;
/** Time for which the token that was kept last counts as new, in milliseconds. */
const NEW_MS = 100;
const ALGORITHM = 'aes-256-gcm';

/**
 * The latest accepted tokens of a few players, one each. They are encrypted under a random key of the process and
 * decrypted only to ask about one. No other bearer token is kept in memory beyond its use.
 */
export class Canaries {
  readonly #clock: NowggClock;
  readonly #key: KeyObject = createSecretKey(randomBytes(32));
  /** By player, the least recently accepted first. */
  readonly #byPlayer = new Map<string, SealedToken>();
  /** Monotonic time at which a token was encrypted last. */
  #sealedAtMs = Number.NEGATIVE_INFINITY;
  /** Whether a token that is kept may have been refused. */
  #hasRefused = false;

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /**
   * Keeps an accepted token. While there are enough of them and one is new, the token of another player is left out:
   * encryption costs more than the rest of an acceptance.
   *
   * @param expiresAtMs epoch milliseconds; a token without an expiry is not kept
   */
  keep({ player, digest, token }: Canary, expiresAtMs: number | undefined): void {
    const known = this.#byPlayer.get(player);
    if (!known && this.#hasEnough()) return;
    this.#byPlayer.delete(player);
    if (expiresAtMs === undefined) return;
    if (known?.digest === digest) {
      known.wasRefused = false;
      this.#byPlayer.set(player, known);
      return;
    }
    this.#sealedAtMs = this.#clock.monotonicNow();
    this.#byPlayer.set(player, { digest, expiresAtMs, ...this.#seal(token, digest), wasRefused: false });
    const [oldest] = this.#byPlayer.keys();
    if (this.#byPlayer.size > MOST_PLAYERS && oldest !== undefined) this.#byPlayer.delete(oldest);
    this.#hasRefused &&= [...this.#byPlayer.values()].some(({ wasRefused }) => wasRefused);
  }

  /** Whether there is a token to ask about. */
  has(nowMs: number, exceptPlayer?: string): boolean {
    return this.#find(nowMs, exceptPlayer) !== undefined;
  }

  /** Decrypts the most recently accepted token that has not expired or been refused since. */
  take(nowMs: number, exceptPlayer?: string): Canary | undefined {
    const found = this.#find(nowMs, exceptPlayer);
    return found && { player: found[0], digest: found[1].digest, token: this.#open(found[1]) };
  }

  /** Excludes this token from further requests. */
  refused(digest: string): void {
    for (const sealed of this.#byPlayer.values()) {
      if (sealed.digest !== digest) continue;
      sealed.wasRefused = true;
      this.#hasRefused = true;
    }
  }

  /** Permits requests about all tokens again: their refusals proved nothing. */
  pardon(): void {
    for (const sealed of this.#byPlayer.values()) sealed.wasRefused = false;
    this.#hasRefused = false;
  }

  /** Puts a token last, so that another one is asked about first the next time. */
  putBack({ player, digest }: Canary): void {
    const sealed = this.#byPlayer.get(player);
    if (sealed?.digest !== digest) return;
    const others = [...this.#byPlayer].filter(([other]) => other !== player);
    this.#byPlayer.clear();
    for (const [other, token] of [[player, sealed] as const, ...others]) this.#byPlayer.set(other, token);
  }

  drop({ player, digest }: Canary): void {
    if (this.#byPlayer.get(player)?.digest === digest) this.#byPlayer.delete(player);
  }

  /** Whether there are tokens of enough players, one of them is new, and none was refused. */
  #hasEnough(): boolean {
    if (this.#byPlayer.size < MOST_PLAYERS || this.#clock.monotonicNow() - this.#sealedAtMs >= NEW_MS) return false;
    return !this.#hasRefused;
  }

  #find(nowMs: number, exceptPlayer: string | undefined): [string, SealedToken] | undefined {
    return [...this.#byPlayer].findLast(
      ([player, { expiresAtMs, wasRefused }]) => !wasRefused && expiresAtMs > nowMs && player !== exceptPlayer,
    );
  }

  #seal(token: string, digest: string): Pick<SealedToken, 'nonce' | 'text' | 'tag'> {
    const nonce = randomBytes(12);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(Buffer.from(digest, 'latin1'));
    const text = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
    return { nonce, text, tag: cipher.getAuthTag() };
  }

  #open({ nonce, text, tag, digest }: SealedToken): string {
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce)
      .setAAD(Buffer.from(digest, 'latin1'))
      .setAuthTag(tag);
    return decipher.update(text, undefined, 'utf8') + decipher.final('utf8');
  }
}
