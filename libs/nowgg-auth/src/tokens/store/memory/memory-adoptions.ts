import type { NowggClock } from '../../../clock.js';
import { type GrantRecord, isLive } from '../grant-record.js';
import type { ClientGrants, GrantAdoption, StoredClient } from '../vault-record.js';

const MOST_CLIENTS = 100;
const NO_TEXT = new Uint8Array();

/** The clients of the memory store's grants. */
export class MemoryAdoptions {
  readonly #clock: NowggClock;
  readonly #grants: Map<string, GrantRecord>;
  #adopted: (StoredClient & { readonly adoptedBy: string })[] = [];

  constructor(clock: NowggClock, grants: Map<string, GrantRecord>) {
    this.#clock = clock;
    this.#grants = grants;
  }

  /** See `TokenStore.listClients`. */
  clients(): ClientGrants[] {
    const found = new Map(
      this.#adopted.map((client): [string, ClientGrants] => [keyOf(client), { ...client, grants: 0 }]),
    );
    for (const grant of this.#grants.values()) {
      if (!isLive(grant)) continue;
      const { provider, clientKey } = grant;
      const known = found.get(keyOf(grant)) ?? { provider, clientKey, grants: 0 };
      found.set(keyOf(grant), { ...known, grants: known.grants + 1 });
    }
    return [...found.values()].toSorted((a, b) => b.grants - a.grants).slice(0, MOST_CLIENTS);
  }

  /** See `TokenStore.listGrantsOf`. */
  of(client: StoredClient, afterId: string | undefined, limit: number): GrantRecord[] {
    return [...this.#grants.values()]
      .filter(
        (grant) => isLive(grant) && keyOf(grant) === keyOf(client) && (afterId === undefined || grant.id > afterId),
      )
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  /** See `TokenStore.recordAdoption`. */
  record({ provider, clientKey }: StoredClient, to: string): void {
    const isOther = (client: StoredClient) =>
      client.provider !== provider || (client.clientKey !== clientKey && client.clientKey !== to);
    const kept = this.#adopted.filter(isOther);
    const moved = kept.map((client) =>
      client.provider === provider && client.adoptedBy === clientKey ? { ...client, adoptedBy: to } : client,
    );
    this.#adopted = [...moved, { provider, clientKey, adoptedBy: to }];
  }

  /** See `TokenStore.adoptGrants`. */
  adopt({ from, to, grants }: GrantAdoption): number {
    const now = this.#clock.now();
    const free = grants.filter(({ id, generation, sessionVersion }) => {
      const grant = this.#grants.get(id);
      if (!grant || !isLive(grant) || keyOf(grant) !== keyOf(from) || (grant.leaseUntilMs ?? 0) > now) return false;
      return grant.generation === generation && grant.sessionVersion === sessionVersion;
    });
    for (const { id, generation, refreshCiphertext, accessCiphertext } of free) {
      this.#grants.set(id, {
        ...(this.#grants.get(id) as GrantRecord),
        clientKey: to,
        generation: generation + 1,
        refreshCiphertext,
        accessCiphertext,
        accessTokenExpiresAtMs: now,
        leaseOwner: undefined,
        leaseUntilMs: undefined,
        attemptStartedAtMs: undefined,
        failCode: undefined,
        refusal: undefined,
        nextAttemptAtMs: undefined,
        updatedAtMs: now,
      });
    }
    return free.length;
  }

  /** See `TokenStore.endGrantsOf`. */
  end(client: StoredClient, limit: number): number {
    const ended = this.of(client, undefined, limit);
    for (const grant of ended) {
      this.#grants.set(grant.id, {
        ...grant,
        state: 'revoked',
        sessionVersion: grant.sessionVersion + 1,
        refreshCiphertext: NO_TEXT,
        accessCiphertext: NO_TEXT,
        leaseOwner: undefined,
        leaseUntilMs: undefined,
        attemptStartedAtMs: undefined,
        updatedAtMs: this.#clock.now(),
      });
    }
    return ended.length;
  }
}

function keyOf({ provider, clientKey }: StoredClient): string {
  return JSON.stringify([provider, clientKey]);
}
