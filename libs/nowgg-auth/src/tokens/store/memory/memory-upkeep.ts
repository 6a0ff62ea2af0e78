import type { NowggClock } from '../../../clock.js';
import { hasText, type GrantRecord } from '../grant-record.js';
import { countGrants, type CountedGrants } from '../vault-count.js';
import type { ResealedGrant, SweepLimits, VaultCounts } from '../vault-record.js';

const NO_TEXT = new Uint8Array();

/** Upkeep of the memory store's grants, for rotation, sweeps and counts. */
export class MemoryUpkeep {
  readonly #clock: NowggClock;
  readonly #grants: Map<string, GrantRecord>;

  constructor(clock: NowggClock, grants: Map<string, GrantRecord>) {
    this.#clock = clock;
    this.#grants = grants;
  }

  /** See `TokenStore.listSealedOtherwise`. */
  listSealedOtherwise(header: Uint8Array, afterId: string | undefined, limit: number): GrantRecord[] {
    const isOtherwise = ({ accessCiphertext, refreshCiphertext }: GrantRecord) =>
      isSealedOtherwise(accessCiphertext, header) || isSealedOtherwise(refreshCiphertext, header);
    return page([...this.#grants.values()].filter(isOtherwise), afterId, limit);
  }

  /** See `TokenStore.listUnwiped`. */
  listUnwiped(endedForMs: number, afterId: string | undefined, limit: number): GrantRecord[] {
    return page(
      this.#ended(endedForMs).filter(({ state }) => state === 'revoked'),
      afterId,
      limit,
    );
  }

  /** See `TokenStore.resealGrants`. */
  reseal(resealed: readonly ResealedGrant[]): number {
    const current = resealed.filter(({ id, generation, sessionVersion }) => {
      const grant = this.#grants.get(id);
      const wiped = grant?.accessCiphertext.length === 0 || grant?.refreshCiphertext.length === 0;
      return grant?.generation === generation && grant.sessionVersion === sessionVersion && !wiped;
    });
    for (const { id, accessCiphertext, refreshCiphertext } of current) {
      this.#grants.set(id, { ...(this.#grants.get(id) as GrantRecord), accessCiphertext, refreshCiphertext });
    }
    return current.length;
  }

  count(): Omit<VaultCounts, 'clients' | 'exchanges'> {
    return countGrants([...this.#grants.values()].map(countedAs));
  }

  sweepable({ endedForMs, expiredForMs }: SweepLimits): GrantRecord[] {
    const now = this.#clock.now();
    return [...this.#grants.values()].filter(
      (grant) =>
        (isEnded(grant) && grant.updatedAtMs <= now - endedForMs) ||
        // A refresh token that still worked after its announced expiry is not expired.
        (grant.refreshTokenExpiresAtMs !== undefined &&
          Math.max(grant.refreshTokenExpiresAtMs, grant.accessObtainedAtMs) <= now - expiredForMs),
    );
  }

  /** See `TokenStore.sweepTexts`. */
  sweepTexts(endedForMs: number, limit: number): number {
    const ended = this.#ended(endedForMs).slice(0, limit);
    for (const { id } of ended) this.wipe(id);
    return ended.length;
  }

  /** Grants that ended by evidence and still have ciphertexts. */
  endedByEvidence(): GrantRecord[] {
    return [...this.#grants.values()].filter(
      (grant) => grant.state === 'needs_reauth' && grant.refusal?.confirmedAtMs !== undefined && hasText(grant),
    );
  }

  /** Deletes the ciphertexts of a grant. */
  wipe(id: string): void {
    const grant = this.#grants.get(id) as GrantRecord;
    this.#grants.set(id, { ...grant, refreshCiphertext: NO_TEXT, accessCiphertext: NO_TEXT });
  }

  /** Grants that have ended this long ago and still have ciphertexts. */
  #ended(endedForMs: number): GrantRecord[] {
    const latest = this.#clock.now() - endedForMs;
    return [...this.#grants.values()].filter(
      (grant) => isEnded(grant) && hasText(grant) && grant.updatedAtMs <= latest,
    );
  }
}

/** Whether a ciphertext does not begin with this header. An empty one is under no key. */
export function isSealedOtherwise(bytes: Uint8Array, header: Uint8Array): boolean {
  return bytes.length > 0 && !Buffer.from(header).equals(bytes.subarray(0, header.length));
}

/** The next grants in the order of their ids. */
function page(grants: readonly GrantRecord[], afterId: string | undefined, limit: number): GrantRecord[] {
  return grants
    .filter(({ id }) => afterId === undefined || id > afterId)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, limit);
}

function isEnded({ state }: GrantRecord): boolean {
  return state === 'revoked' || state === 'needs_reauth';
}

function countedAs({ state, accessCiphertext, refreshCiphertext, handleKeyId }: GrantRecord): CountedGrants {
  const keyId =
    accessCiphertext.length === 0
      ? null
      : Buffer.from(accessCiphertext).toString('latin1', 2, 2 + (accessCiphertext[1] ?? 0));
  return {
    state,
    keyId,
    isFirstVersion: accessCiphertext[0] === 1 || refreshCiphertext[0] === 1,
    handleKeyId: handleKeyId ?? null,
    count: 1,
  };
}
