import type { NowggClock } from '../../clock.js';
import { DetachableSingleFlight } from '../../resilience/detachable-single-flight.js';
import type { TokenStore } from '../store/token-store.js';
import type { ClientGrants, StoredClient } from '../store/vault-record.js';

/** Time for which a list of clients serves, in milliseconds: forged handles cause one read of the store per process. */
const SERVES_MS = 10_000;
/** Each client costs a digest per key of the ring. */
const MOST_TRIED = 20;

/**
 * The clients that grants of the store belong to, for the question whose a session handle is that none of this
 * application's clients has. The list may be ten seconds old.
 */
export class StoredClients {
  readonly #store: TokenStore;
  readonly #clock: NowggClock;
  readonly #reading = new DetachableSingleFlight<readonly ClientGrants[]>();
  #known: { readonly clients: readonly ClientGrants[]; readonly readAtMs: number } | undefined;

  constructor(store: TokenStore, clock: NowggClock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Lists the clients apart from these, those with the most grants first. */
  async listOthers(own: readonly StoredClient[]): Promise<readonly ClientGrants[]> {
    const clients = await this.#list();
    return clients.filter((client) => !own.some((each) => isSameClient(each, client))).slice(0, MOST_TRIED);
  }

  /** Whether the grants of `from` were adopted by the client that has this grant. */
  async isAdopted(from: StoredClient, by: StoredClient): Promise<boolean> {
    const clients = await this.#list();
    return clients.some(
      (client) => isSameClient(client, from) && from.provider === by.provider && client.adoptedBy === by.clientKey,
    );
  }

  async #list(): Promise<readonly ClientGrants[]> {
    const known = this.#known;
    if (known && this.#clock.monotonicNow() - known.readAtMs < SERVES_MS) return known.clients;
    return this.#reading.join('clients', async () => {
      const readAtMs = this.#clock.monotonicNow();
      const clients = await this.#store.listClients();
      this.#known = { clients, readAtMs };
      return clients;
    });
  }
}

export function isSameClient(one: StoredClient, other: StoredClient): boolean {
  return one.provider === other.provider && one.clientKey === other.clientKey;
}
