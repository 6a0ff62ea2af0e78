import type { NowggClock } from '../../../clock.js';
import { type GrantRecord, hasText, isLive } from '../grant-record.js';
import {
  type AdmittedSession,
  type SessionAdmission,
  SIGNED_IN_ELSEWHERE,
  SIGNING_IN_MS,
  TOO_MANY_SESSIONS,
  USED_RECENTLY_MS,
} from '../session-record.js';

/** The sessions of the memory store's players. */
export class MemorySessions {
  readonly #clock: NowggClock;
  readonly #grants: Map<string, GrantRecord>;

  constructor(clock: NowggClock, grants: Map<string, GrantRecord>) {
    this.#clock = clock;
    this.#grants = grants;
  }

  /** See `TokenStore.admitSession`. */
  admit({ id, provider, userId, clientKey, max, whenFull }: SessionAdmission): AdmittedSession {
    const now = this.#clock.now();
    const mine = this.#grants.get(id);
    if (!mine || !isLive(mine)) return { outcome: 'ended', ended: [] };
    const ofPlayer = [...this.#grants.values()].filter(
      (grant) =>
        grant.id !== id &&
        grant.provider === provider &&
        grant.userId === userId &&
        (clientKey === undefined || grant.clientKey === clientKey),
    );
    if (mine.admittedAtMs !== undefined) {
      const leftOver = ofPlayer.filter((grant) => grant.failCode === SIGNED_IN_ELSEWHERE && hasText(grant));
      return { outcome: 'admitted', ended: leftOver.map((grant) => ({ ...grant, readAtMs: now })) };
    }
    const others = ofPlayer.filter(
      (grant) => isLive(grant) && (grant.admittedAtMs !== undefined || grant.createdAtMs <= now - SIGNING_IN_MS),
    );
    const counts = (grant: GrantRecord) =>
      !isSameDevice(grant, mine) &&
      ((grant.accessTokenExpiresAtMs !== undefined && grant.accessTokenExpiresAtMs > now) ||
        grant.sessionUsedAtMs > now - USED_RECENTLY_MS);
    const counted = others.filter(counts).toSorted((a, b) => beginOf(b) - beginOf(a) || (a.id < b.id ? 1 : -1));
    if (whenFull === 'refuse' && counted.length >= max) {
      return { outcome: 'refused', ended: [this.#end(mine, TOO_MANY_SESSIONS)] };
    }
    const over = [...others.filter((grant) => !counts(grant)), ...counted.slice(max - 1)];
    this.#grants.set(id, { ...mine, admittedAtMs: now });
    return { outcome: 'admitted', ended: over.map((grant) => this.#end(grant, SIGNED_IN_ELSEWHERE)) };
  }

  /** See `TokenStore.listLive`. */
  listLive(provider: string, userId: string, clientKey: string, limit: number): GrantRecord[] {
    return [...this.#grants.values()]
      .filter((grant) => isLive(grant) && grant.provider === provider && grant.userId === userId)
      .filter((grant) => grant.clientKey === clientKey)
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1))
      .slice(0, limit);
  }

  #end(grant: GrantRecord, failCode: string): GrantRecord {
    const now = this.#clock.now();
    this.#grants.set(grant.id, {
      ...grant,
      state: 'revoked',
      sessionVersion: grant.sessionVersion + 1,
      failCode,
      leaseOwner: undefined,
      leaseUntilMs: undefined,
      attemptStartedAtMs: undefined,
      updatedAtMs: now,
    });
    return { ...grant, readAtMs: now };
  }
}

/** Whether two grants are of one device: by the id that it keeps, or by the key of their handles. */
function isSameDevice(one: GrantRecord, other: GrantRecord): boolean {
  const keys = ['deviceKey', 'keyThumbprint'] as const;
  return keys.some((key) => one[key] !== undefined && one[key] === other[key]);
}

function beginOf({ admittedAtMs, createdAtMs }: GrantRecord): number {
  return admittedAtMs ?? createdAtMs;
}
