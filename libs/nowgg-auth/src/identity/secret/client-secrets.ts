import type { NowggClock } from '../../clock.js';

/** Time for which the acceptance of a secret decides which one is in use, in milliseconds. */
const DECIDED_MS = 60_000;
/** Maximum number of refused requests within a second that are repeated with other secrets. */
const MOST_TRIALS = 5;

/** The answer to a request with one secret, and what it says about the secret. */
export interface SecretAnswer<T> {
  readonly answer: T;
  /** `refused`: the request may have been refused because of the secret. */
  readonly secret: 'accepted' | 'refused' | 'unknown';
}

/**
 * The secrets of one client at an identity system that does not say which of them is in use: new and old while a secret
 * is replaced. The answers tell which one is accepted.
 */
export class ClientSecrets {
  readonly #secrets: readonly string[];
  readonly #clock: NowggClock;
  #index = 0;
  #sent = 0;
  /** The number of the last request when a secret was accepted or came into doubt last: earlier requests are outdated. */
  #since = 0;
  /** Monotonic time of the last acceptance of the current secret; undefined while it is in doubt. */
  #acceptedAtMs: number | undefined;
  /** Trials in the second that began then. */
  #trials = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 };
  #trial: Promise<unknown> | undefined;

  constructor(secrets: readonly string[], clock: NowggClock) {
    this.#secrets = secrets;
    this.#clock = clock;
  }

  /** Whether there is a secret at all. */
  get exist(): boolean {
    return this.#secrets.length > 0;
  }

  /** The secret that is sent first; undefined without one. */
  get current(): string | undefined {
    return this.#secrets[this.#index];
  }

  /** Records that refusals may be about the secret: until one is accepted, refused requests are tried with the others. */
  doubt(): void {
    this.#acceptedAtMs = undefined;
    this.#since = this.#sent;
  }

  /**
   * Sends a request with the secret in use. While none was accepted recently, a refused request is repeated with the
   * others in turn. A refused request was not carried out, so repeating it is safe; a refusal under all of them is one
   * answer. Only one request at a time is tried in this way, and only a few a second: a flood of wrong tokens must not
   * multiply.
   *
   * @param isOurs whether an answer to the same request proved before that it is right. Then it is tried with all secrets,
   *   however many others are: a flood must not hide which secret is in use
   * @returns `undecided` when the request was refused and not tried with every secret: the refusal proves nothing
   */
  async ask<T>(send: (secret: string) => Promise<SecretAnswer<T>>, isOurs = false): Promise<T | 'undecided'> {
    const sent = this.current as string;
    const first = await this.#send(sent, send);
    if (first.secret !== 'refused' || (this.#isDecided && this.current === sent)) return first.answer;
    if (this.#secrets.length === 1) return first.answer;
    if (isOurs && !this.#isDecided) return (await this.#tryOthers(sent, send)) ?? first.answer;
    if (!this.#isDecided && this.#trial) await this.#trial;
    if (this.#isDecided) {
      const { current } = this;
      return current === undefined || current === sent ? first.answer : (await this.#send(current, send)).answer;
    }
    if (this.#trial || !this.#mayTry()) return 'undecided';
    const trial = this.#tryOthers(sent, send).finally(() => (this.#trial = undefined));
    this.#trial = trial.catch(() => undefined);
    return (await trial) ?? first.answer;
  }

  async #tryOthers<T>(refused: string, send: (secret: string) => Promise<SecretAnswer<T>>): Promise<T | undefined> {
    for (const secret of this.#secrets) {
      if (secret === refused) continue;
      const { answer, secret: says } = await this.#send(secret, send);
      if (says === 'accepted') return answer;
    }
    return undefined;
  }

  async #send<T>(secret: string, send: (secret: string) => Promise<SecretAnswer<T>>): Promise<SecretAnswer<T>> {
    this.#sent += 1;
    const order = this.#sent;
    const sent = await send(secret);
    if (sent.secret === 'accepted' && order > this.#since) {
      this.#since = order;
      this.#index = this.#secrets.indexOf(secret);
      this.#acceptedAtMs = this.#clock.monotonicNow();
    }
    return sent;
  }

  get #isDecided(): boolean {
    return this.#acceptedAtMs !== undefined && this.#clock.monotonicNow() - this.#acceptedAtMs < DECIDED_MS;
  }

  #mayTry(): boolean {
    const nowMs = this.#clock.monotonicNow();
    if (nowMs - this.#trials.sinceMs >= 1_000) this.#trials = { sinceMs: nowMs, count: 0 };
    this.#trials.count += 1;
    return this.#trials.count <= MOST_TRIALS;
  }
}

/** The secrets of an option that takes one or several. */
export function secretsOf(option: string | readonly string[] | undefined): readonly string[] {
  if (option === undefined) return [];
  return typeof option === 'string' ? [option] : option;
}
