import type { NowggClock } from '../../../clock.js';
import type {
  ExchangeClaim,
  ExchangeClaimRequest,
  ExchangeRecord,
  ExchangeRelease,
  ExchangeRemoval,
} from '../exchange-record.js';
import type { SweepLimits } from '../vault-record.js';

/** The claimed codes of the memory store. */
export class MemoryExchanges {
  readonly #clock: NowggClock;
  readonly #byHash = new Map<string, ExchangeRecord>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  claim({ codeHash, owner, leaseMs, attemptKey }: ExchangeClaimRequest): ExchangeClaim {
    const known = this.find(codeHash);
    if (known?.grantId !== undefined) return { outcome: 'completed', exchange: known };
    const now = this.#clock.now();
    if (known && known.leaseUntilMs !== undefined && known.leaseUntilMs > now) return { outcome: 'held' };
    const exchange: ExchangeRecord = {
      codeHash,
      leaseOwner: owner,
      leaseUntilMs: now + leaseMs,
      attemptKey,
      replyCiphertext: known?.replyCiphertext,
      grantId: undefined,
      completedAtMs: undefined,
      createdAtMs: known?.createdAtMs ?? now,
      readAtMs: now,
    };
    this.#byHash.set(codeHash, exchange);
    return { outcome: 'acquired', exchange, predecessorInDoubt: known?.leaseOwner !== undefined };
  }

  find(codeHash: string): ExchangeRecord | undefined {
    const exchange = this.#byHash.get(codeHash);
    return exchange && { ...exchange, readAtMs: this.#clock.now() };
  }

  seal(codeHash: string, replyCiphertext: Uint8Array): boolean {
    const exchange = this.#byHash.get(codeHash);
    if (!exchange || exchange.replyCiphertext || exchange.grantId !== undefined) return false;
    this.#byHash.set(codeHash, { ...exchange, replyCiphertext });
    return true;
  }

  /** @returns the time of the first claim, or undefined when the exchange was already completed or is gone */
  complete(codeHash: string, grantId: string): number | undefined {
    const exchange = this.#byHash.get(codeHash);
    if (!exchange || exchange.grantId !== undefined) return undefined;
    const completedAtMs = this.#clock.now();
    const free = { leaseOwner: undefined, leaseUntilMs: undefined, replyCiphertext: undefined };
    this.#byHash.set(codeHash, { ...exchange, ...free, grantId, completedAtMs });
    return exchange.createdAtMs;
  }

  release({ codeHash, owner, keepsLease }: ExchangeRelease): void {
    const exchange = this.#byHash.get(codeHash);
    if (exchange?.leaseOwner !== owner) return;
    const leaseUntilMs = keepsLease ? exchange.leaseUntilMs : undefined;
    this.#byHash.set(codeHash, { ...exchange, leaseOwner: undefined, leaseUntilMs });
  }

  remove({ codeHash, owner, unlessSealed }: ExchangeRemoval): boolean {
    const exchange = this.#byHash.get(codeHash);
    const mine = exchange?.leaseOwner === owner && exchange.grantId === undefined;
    return mine && !(unlessSealed && exchange.replyCiphertext) && this.#byHash.delete(codeHash);
  }

  all(): ExchangeRecord[] {
    return [...this.#byHash.values()];
  }

  olderThan({ exchangeOlderThanMs }: SweepLimits): ExchangeRecord[] {
    return this.all().filter(({ createdAtMs }) => createdAtMs <= this.#clock.now() - exchangeOlderThanMs);
  }

  delete(codeHash: string): void {
    this.#byHash.delete(codeHash);
  }
}
