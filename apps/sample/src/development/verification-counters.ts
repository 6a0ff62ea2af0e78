import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { NOWGG_VERIFICATION_CHANNEL, NowggClock, type NowggVerificationEvent } from 'nestjs-nowgg-auth';

/** Decisions about tokens, by their source. */
export interface VerificationCounts {
  /** Answered from memory. */
  readonly hits: number;
  /** Requested from the identity system, or verified again. */
  readonly asks: number;
  /** Answered from memory although the answer had expired, because the identity system was silent. */
  readonly stale: number;
  /** Could not be decided: the caller gets a 503. */
  readonly unanswered: number;
}

/** The last minute, second by second, and everything since the start. */
export interface VerificationReport {
  /** Oldest first; the last one is the current second. */
  readonly seconds: readonly VerificationCounts[];
  readonly total: VerificationCounts;
}

type Kind = keyof VerificationCounts;
type Counts = Record<Kind, number>;

const shownSeconds = 60;
const none = (): Counts => ({ hits: 0, asks: 0, stale: 0, unanswered: 0 });

/** Counts the decisions that the library publishes. An event names no token and no player. */
@Injectable()
export class VerificationCounters implements OnModuleInit, OnModuleDestroy {
  readonly #clock: NowggClock;
  readonly #buckets = new Map<number, Counts>();
  readonly #total = none();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  onModuleInit(): void {
    subscribe(NOWGG_VERIFICATION_CHANNEL, this.#count);
  }

  onModuleDestroy(): void {
    unsubscribe(NOWGG_VERIFICATION_CHANNEL, this.#count);
  }

  report(): VerificationReport {
    const now = this.#second();
    const seconds = Array.from({ length: shownSeconds }, (_, index) => {
      return this.#buckets.get(now - shownSeconds + 1 + index) ?? none();
    });
    return { seconds, total: { ...this.#total } };
  }

  readonly #count = (message: unknown): void => {
    const kind = kindOf(message as NowggVerificationEvent);
    if (kind === undefined) return;
    this.#total[kind] += 1;
    this.#bucket()[kind] += 1;
  };

  #bucket(): Counts {
    const now = this.#second();
    const known = this.#buckets.get(now);
    if (known) return known;
    for (const second of this.#buckets.keys()) if (second <= now - shownSeconds) this.#buckets.delete(second);
    const bucket = none();
    this.#buckets.set(now, bucket);
    return bucket;
  }

  #second(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

function kindOf({ outcome, source }: NowggVerificationEvent): Kind | undefined {
  if (outcome === 'unknown') return 'unanswered';
  if (source === 'hit') return 'hits';
  if (source === 'stale') return 'stale';
  // `none`: refused without a request, such as a token that has expired.
  return source === 'none' ? undefined : 'asks';
}
