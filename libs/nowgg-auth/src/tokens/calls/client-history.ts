import { randomUUID } from 'node:crypto';
import type { NowggClock } from '../../clock.js';
import type { IdentityProvider } from '../../identity/identity-provider.js';
import type { ClientSecret, ClientStanding } from '../store/client-standing.js';
import type { TokenStore } from '../store/token-store.js';
import type { RefreshTiming } from './refresh-timing.js';

/** A call whose result is evidence about the client secret. */
export interface ClientCall {
  /** Time before the request was sent, in epoch milliseconds of the store's clock. */
  readonly sentAtMs: number;
  /** Whether it was the first attempt to refresh this generation of a grant; false for an exchange. */
  readonly isFirst: boolean;
}

/**
 * What this process sees of one client secret: it reports to the store at most once a second, and reads what all
 * processes know only when its own calls do not show that the secret works.
 */
export class ClientHistory {
  readonly client: ClientSecret;
  readonly #store: TokenStore;
  readonly #clock: NowggClock;
  readonly #timing: RefreshTiming;
  readonly #process: string;
  #unreported = NOTHING;
  /** Refusals since the last success in this process. */
  #refusals = 0;
  #workedAt = Number.NEGATIVE_INFINITY;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #isScheduled = false;
  #known: { readonly standing: ClientStanding; readonly readAt: number } | undefined;

  constructor(client: ClientSecret, process: string, store: TokenStore, clock: NowggClock, timing: RefreshTiming) {
    this.client = client;
    this.#process = process;
    this.#store = store;
    this.#clock = clock;
    this.#timing = timing;
  }

  /** Records a success. Never throws: a missing record only makes evidence about grants come later. */
  async succeeded({ sentAtMs, isFirst }: ClientCall): Promise<void> {
    const { firstSuccesses, succeededAtMs = sentAtMs } = this.#unreported;
    this.#unreported = {
      ...this.#unreported,
      succeededAtMs: Math.max(sentAtMs, succeededAtMs),
      refusals: 0,
      firstSuccesses: firstSuccesses + (isFirst ? 1 : 0),
    };
    this.#refusals = 0;
    this.#workedAt = this.#clock.monotonicNow();
    // Whatever was known, the secret works: no caller waits for the next look at it.
    const wasKnown = this.#known !== undefined;
    this.#known = undefined;
    await (wasKnown ? this.#report() : this.#reportInTime());
  }

  /** Records that a refresh token was refused. Never throws. */
  async refused({ isFirst }: Pick<ClientCall, 'isFirst'>): Promise<void> {
    const { refusals, firstRefusals } = this.#unreported;
    this.#unreported = {
      ...this.#unreported,
      refusals: refusals + 1,
      firstRefusals: firstRefusals + (isFirst ? 1 : 0),
    };
    this.#refusals += 1;
    await this.#reportInTime();
  }

  /**
   * What all processes know, at most a second old; undefined while the calls of this process show that the secret works.
   */
  async standing(): Promise<ClientStanding | undefined> {
    const now = this.#clock.monotonicNow();
    if (this.#refusals === 0 && now - this.#workedAt < this.#timing.workingMs) return undefined;
    if (this.#known && now - this.#known.readAt < this.#timing.clientNewsMs) return this.#known.standing;
    return this.current();
  }

  /** What all processes know now, this one included. */
  async current(): Promise<ClientStanding> {
    await this.#report();
    const readAt = this.#clock.monotonicNow();
    const standing = await this.#store.findClientStanding(this.client);
    this.#known = { standing, readAt };
    return standing;
  }

  /** Stores what is not stored yet. Never throws. */
  async flush(): Promise<void> {
    await this.#report();
  }

  async #reportInTime(): Promise<void> {
    const waitMs = this.#reportedAt + this.#timing.clientNewsMs - this.#clock.monotonicNow();
    if (waitMs <= 0) return this.#report();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void this.#clock.wait(waitMs).then(() => {
      this.#isScheduled = false;
      return this.#report();
    });
  }

  async #report(): Promise<void> {
    const unreported = this.#unreported;
    if (unreported === NOTHING) return;
    this.#unreported = NOTHING;
    this.#reportedAt = this.#clock.monotonicNow();
    try {
      await this.#store.addClientOutcomes({ ...this.client, process: this.#process, ...unreported });
    } catch {
      // Without the store nothing can be decided about a grant either; the next success is reported again.
    }
  }
}

const NOTHING: Unreported = Object.freeze({
  succeededAtMs: undefined,
  refusals: 0,
  firstSuccesses: 0,
  firstRefusals: 0,
});

interface Unreported {
  readonly succeededAtMs: number | undefined;
  readonly refusals: number;
  readonly firstSuccesses: number;
  readonly firstRefusals: number;
}

/** The {@link ClientHistory} of every client secret that this process uses. */
export class ClientHistories {
  readonly #store: TokenStore;
  readonly #clock: NowggClock;
  readonly #timing: RefreshTiming;
  readonly #fingerprintKey: Uint8Array;
  readonly #process = randomUUID();
  readonly #histories = new Map<string, ClientHistory>();

  /** @param fingerprintKey the same in every process */
  constructor(store: TokenStore, clock: NowggClock, timing: RefreshTiming, fingerprintKey: Uint8Array) {
    this.#store = store;
    this.#clock = clock;
    this.#timing = timing;
    this.#fingerprintKey = fingerprintKey;
  }

  /** Returns the history of the secret that the provider sends now. */
  of(provider: IdentityProvider): ClientHistory {
    const client = { clientKey: provider.clientKey, secret: provider.secretFingerprint(this.#fingerprintKey) };
    const key = `${client.clientKey}:${client.secret}`;
    const known = this.#histories.get(key);
    if (known) return known;
    const history = new ClientHistory(client, this.#process, this.#store, this.#clock, this.#timing);
    this.#histories.set(key, history);
    return history;
  }

  /** Stores what is not stored yet. Never throws. */
  async flush(): Promise<void> {
    await Promise.all([...this.#histories.values()].map((history) => history.flush()));
  }
}
