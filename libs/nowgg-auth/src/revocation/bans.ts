import { LRUCache } from 'lru-cache';
import { LAST_DATE_MS, type NowggClock } from '../clock.js';
import type { NowggBan } from '../errors.js';
import type { RevocationFeed } from './revocation-feed.js';
import type { RevocationStore, StoredBan } from './revocation-store.js';
import { keyOfSubject, type RevocationSubject } from './marks/watermark.js';
import type { BanInForce } from './marks/watermarks.js';

/** Bans whose reasons are kept in memory. */
const KEPT = 10_000;
/** Subjects that one statement asks about. */
const AT_ONCE = 500;
/** Time that a banned caller waits for a reason, in milliseconds. Without it, the answer has only the end of the ban. */
const WAITS_MS = 500;
/** Time without another attempt after one that failed, in milliseconds. */
const RESTS_MS = 1_000;

/** What the store knows about a ban. */
type Statements = Partial<Omit<StoredBan, keyof BanInForce>>;

const NOTHING: Statements = Object.freeze({});

/** What is known about a ban: as its player is told it, and when it began where that is known. */
export interface ExplainedBan {
  readonly ban: NowggBan;
  readonly beganAtMs: number | undefined;
}

interface Question {
  readonly subject: RevocationSubject;
  /** Undefined when the store could not be asked. */
  readonly answer: Promise<Statements | undefined>;
  readonly resolve: (statements: Statements | undefined) => void;
  /** Whether the ban has changed since the store was asked. */
  isOutdated: boolean;
}

interface BansParts {
  readonly store: RevocationStore;
  readonly feed: Pick<RevocationFeed, 'onApplied'>;
  readonly clock: NowggClock;
}

/** A ban as its player is told it. */
export function banOf(untilMs: number, { reasonCode, text }: Statements = NOTHING): NowggBan {
  return Object.freeze({
    ...(untilMs <= LAST_DATE_MS && { until: new Date(untilMs) }),
    ...(reasonCode !== undefined && { reasonCode }),
    ...(text !== undefined && { text }),
  });
}

/**
 * The reasons of bans. Marks in memory have none: a reason is read from the store when a banned player asks for
 * something, for all who ask in one statement at a time, and is kept until the ban changes.
 */
export class Bans {
  readonly #store: RevocationStore;
  readonly #clock: NowggClock;
  readonly #kept = new LRUCache<string, { readonly untilMs: number; readonly statements: Statements }>({ max: KEPT });
  readonly #questions = new Map<string, Question>();
  readonly #asked = new Map<string, Question>();
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #isAsking = false;

  constructor({ store, feed, clock }: BansParts) {
    this.#store = store;
    this.#clock = clock;
    feed.onApplied((subject) => this.#forget(subject));
  }

  /** Explains a ban, at once where its reason is known. Never rejects. */
  explain({ untilMs, ...subject }: BanInForce): ExplainedBan | Promise<ExplainedBan> {
    const explained = (statements: Statements = NOTHING): ExplainedBan => ({
      ban: banOf(untilMs, statements),
      beganAtMs: statements.beganAtMs,
    });
    const key = keyOfSubject(subject);
    const kept = this.#kept.get(key);
    if (kept?.untilMs === untilMs) return explained(kept.statements);
    if (this.#clock.monotonicNow() < this.#restsUntilMs) return explained();
    return this.#ask(key, subject, untilMs).then(explained);
  }

  async #ask(key: string, subject: RevocationSubject, untilMs: number): Promise<Statements | undefined> {
    const question = this.#questions.get(key) ?? this.#asked.get(key) ?? this.#enqueue(key, subject);
    const waited = new AbortController();
    const longEnough = this.#clock.wait(WAITS_MS, waited.signal).then(
      () => this.#rest(),
      () => undefined,
    );
    const statements = await Promise.race([question.answer, longEnough]);
    waited.abort();
    if (statements !== undefined && !question.isOutdated) this.#kept.set(key, { untilMs, statements });
    return statements;
  }

  #enqueue(key: string, subject: RevocationSubject): Question {
    let resolve: Question['resolve'] = () => undefined;
    const answer = new Promise<Statements | undefined>((settle) => (resolve = settle));
    const question: Question = { subject, answer, resolve, isOutdated: false };
    this.#questions.set(key, question);
    if (!this.#isAsking) void this.#askAll();
    return question;
  }

  async #askAll(): Promise<void> {
    this.#isAsking = true;
    while (this.#questions.size > 0) await this.#askSome([...this.#questions].slice(0, AT_ONCE));
    this.#isAsking = false;
  }

  async #askSome(batch: readonly (readonly [string, Question])[]): Promise<void> {
    for (const [key, question] of batch) {
      this.#questions.delete(key);
      this.#asked.set(key, question);
    }
    const found = await this.#find(batch.map(([, { subject }]) => subject));
    for (const [key, question] of batch) {
      this.#asked.delete(key);
      question.resolve(found && (found.get(key) ?? NOTHING));
    }
  }

  async #find(subjects: readonly RevocationSubject[]): Promise<Map<string, Statements> | undefined> {
    try {
      const bans = await this.#store.findBans(subjects);
      return new Map(bans.map((ban) => [keyOfSubject(ban), ban]));
    } catch {
      // The state store_unavailable tells it. The players are refused all the same, without a reason.
      return this.#rest();
    }
  }

  #rest(): undefined {
    this.#restsUntilMs = this.#clock.monotonicNow() + RESTS_MS;
    return undefined;
  }

  #forget(subject: RevocationSubject): void {
    if (this.#kept.size === 0 && this.#asked.size === 0) return;
    const key = keyOfSubject(subject);
    this.#kept.delete(key);
    const asked = this.#asked.get(key);
    if (!asked) return;
    asked.isOutdated = true;
    this.#asked.delete(key);
  }
}
