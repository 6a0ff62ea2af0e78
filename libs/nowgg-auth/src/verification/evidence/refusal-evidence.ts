import { LRUCache } from 'lru-cache';
import { RollingWindow } from '../../resilience/rolling-window.js';

/** When a request was sent: its place among all that this process sent and received, and the monotonic time. */
export interface Sent {
  readonly order: number;
  readonly atMs: number;
}

/**
 * The meaning of a refusal:
 * - `believed`: it is about the token;
 * - `once`: the first refusal of a known token, or one too soon after the first; a later request decides;
 * - `ask_canary`: the answer about another token decides;
 * - `suspect`: nothing, our own secret is in doubt.
 */
export type Ruling = 'believed' | 'once' | 'ask_canary' | 'suspect';

/**
 * The answer about a canary, a token of another player that was accepted before. `none`: there is no token to ask
 * about. `undecided`: no canary can be asked now, or there was no clean answer.
 */
export type CanaryAnswer = 'accepted' | 'refused' | 'expired' | 'none' | 'undecided';

/** A refusal of a token that this process has accepted before. */
interface KnownRefusal {
  readonly key: string;
  readonly player: string;
  readonly sent: Sent;
  /** Monotonic time at which it arrived. */
  readonly nowMs: number;
}

interface FirstRefusal {
  readonly order: number;
  readonly atMs: number;
}

/** Minimum time from a first refusal to the request for a second one that counts, in milliseconds. */
export const SECOND_LOOK_MS = 2_000;
/** Without a canary, an acceptance within this time confirms our secret, in milliseconds. */
const RECENT_YES_MS = 600_000;
/** From this number of different strangers, or codes, refused without an acceptance, a refusal needs a canary. */
const STRANGERS_IN_DOUBT = 3;
const PLAYERS_IN_DOUBT = 2;
const WINDOW_MS = 10_000;
const MANY_REFUSED = 5;
const MANY_REFUSED_SHARE = 0.2;
const MOST_FIRST_REFUSALS = 4_096;

/**
 * Decides whether a refusal is about the token or about our own client secret, which now.gg refuses with the same code.
 * A pure state machine: it holds neither tokens nor a clock, and the answers of canaries are its input. "After" means
 * the order in which requests were sent and replies arrived, not the clock.
 */
export class RefusalEvidence {
  #order = 0;
  #lastYes: Sent = { order: -1, atMs: Number.NEGATIVE_INFINITY };
  /** When doubt began; undefined while there is none. */
  #suspectSince: number | undefined;
  /** Strangers refused since the last acceptance, with the order of arrival; codes and players likewise. */
  readonly #strangers = new Map<string, number>();
  readonly #codes = new Map<string, number>();
  readonly #players = new Map<string, number>();
  // Limited by size, because with `max` the whole table is allocated at once.
  readonly #firstRefusals = new LRUCache<string, FirstRefusal>({
    maxSize: MOST_FIRST_REFUSALS,
    sizeCalculation: () => 1,
  });
  /** Requests about known tokens; a hit is one that was newly refused. */
  readonly #known = new RollingWindow(WINDOW_MS);

  get isSuspect(): boolean {
    return this.#suspectSince !== undefined;
  }

  /** Whether a refusal of this token waits for a second one. */
  isDoubted(key: string): boolean {
    return this.#firstRefusals.has(key);
  }

  /** Records that a request is sent; call it at that moment. */
  sent(nowMs: number): Sent {
    this.#order += 1;
    return { order: this.#order, atMs: nowMs };
  }

  /** Records that a request with our secret was accepted. Ends doubt that began before it was sent. */
  accepted(sent: Sent): void {
    if (sent.order > this.#lastYes.order) this.#lastYes = sent;
    for (const refused of [this.#strangers, this.#codes, this.#players]) {
      for (const [key, order] of refused) if (order < sent.order) refused.delete(key);
    }
    if (this.#suspectSince !== undefined && this.#suspectSince < sent.order) this.#suspectSince = undefined;
  }

  /** Records that a token was accepted (again): an earlier refusal of it proves nothing. */
  acceptedToken(key: string, nowMs: number, wasKnown: boolean): void {
    this.#firstRefusals.delete(key);
    if (wasKnown) this.#known.add(false, nowMs);
  }

  /** Records the refusal of a token that was never accepted here. */
  refusedStranger(key: string, isPlausible: boolean): Ruling {
    if (this.isSuspect) return 'suspect';
    return isPlausible ? this.#refusedSinceYes(this.#strangers, key) : 'believed';
  }

  /** Records the refusal of an authorization code without an error code that names the reason. */
  refusedCode(key: string): Ruling {
    return this.isSuspect ? 'suspect' : this.#refusedSinceYes(this.#codes, key);
  }

  /** Records the refusal of a token that was accepted before. */
  refusedKnown({ key, player, sent, nowMs }: KnownRefusal): Ruling {
    const first = this.#firstRefusals.get(key);
    const order = this.#noteKnown(player, first === undefined, nowMs);
    if (this.isSuspect) return 'suspect';
    if (!first) this.#firstRefusals.set(key, { order, atMs: nowMs });
    const isSecondLook = first !== undefined && sent.atMs - first.atMs >= SECOND_LOOK_MS;
    if (!isSecondLook) return 'once';
    return this.#lastYes.order > first.order ? this.#believe(key) : 'ask_canary';
  }

  /** The order of the first refusal, after which a canary must have been sent; undefined for a token not in doubt. */
  firstRefusalOf(key: string): number | undefined {
    return this.#firstRefusals.peek(key)?.order;
  }

  /** Judges the second refusal of a known token, with the answer about another player's token. */
  knownAfterCanary(key: string, answer: CanaryAnswer, nowMs: number): Ruling {
    const first = this.#firstRefusals.peek(key);
    if (this.isSuspect) return 'suspect';
    if (!first) return 'once';
    const isProven = this.#lastYes.order > first.order || (answer === 'none' && this.#hasRecentYes(nowMs));
    if (isProven) return this.#believe(key);
    return answer === 'none' ? 'suspect' : 'once';
  }

  /** Judges the refusal of a stranger, with the answer about any accepted token. */
  strangerAfterCanary(answer: CanaryAnswer, nowMs: number): Ruling {
    if (this.isSuspect) return 'suspect';
    if (answer === 'accepted') return 'believed';
    return answer === 'none' && this.#hasRecentYes(nowMs) ? 'believed' : 'suspect';
  }

  /** Judges the refusal of a code: only an accepted canary confirms it. */
  codeAfterCanary(answer: CanaryAnswer): Ruling {
    return !this.isSuspect && answer === 'accepted' ? 'believed' : 'suspect';
  }

  #refusedSinceYes(refused: Map<string, number>, key: string): Ruling {
    remember(refused, key, this.#arrived(), STRANGERS_IN_DOUBT);
    return refused.size >= STRANGERS_IN_DOUBT ? 'ask_canary' : 'believed';
  }

  #noteKnown(player: string, isNew: boolean, nowMs: number): number {
    const order = this.#arrived();
    this.#known.add(isNew, nowMs);
    remember(this.#players, player, order, PLAYERS_IN_DOUBT);
    if (!this.isSuspect && (this.#players.size >= PLAYERS_IN_DOUBT || this.#manyRefused(nowMs))) {
      this.#suspectSince = order;
      // Tokens refused while the secret is in doubt need two refusals again afterwards.
      this.#firstRefusals.clear();
    }
    return order;
  }

  #manyRefused(nowMs: number): boolean {
    const { hits, total } = this.#known.counts(nowMs);
    return hits >= MANY_REFUSED && hits > total * MANY_REFUSED_SHARE;
  }

  #believe(key: string): 'believed' {
    this.#firstRefusals.delete(key);
    return 'believed';
  }

  #hasRecentYes(nowMs: number): boolean {
    return nowMs - this.#lastYes.atMs <= RECENT_YES_MS;
  }

  #arrived(): number {
    this.#order += 1;
    return this.#order;
  }
}

/** Keeps the newest `most` different keys. */
function remember(refused: Map<string, number>, key: string, order: number, most: number): void {
  refused.delete(key);
  refused.set(key, order);
  const [oldest] = refused.keys();
  if (refused.size > most && oldest !== undefined) refused.delete(oldest);
}
