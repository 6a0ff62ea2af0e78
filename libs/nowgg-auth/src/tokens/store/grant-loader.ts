import { publishSecurityEvent } from '../../events/security-events.js';
import type { GrantRecord } from './grant-record.js';
import { SeenGrants } from './seen-grants.js';
import type { TokenStore } from './token-store.js';

type Read = Promise<GrantRecord | undefined>;

/**
 * Reads grants for many callers at once. Callers that ask while a read of the same grant is in progress share the next
 * one: none of them gets a row that was read before they asked, and a thousand callers cost two statements.
 *
 * A row that is older than the version this process has seen is read again. If it stays older, an event is published: a
 * session that has ended counts as not found, an older generation is returned.
 */
export class GrantLoader {
  readonly #store: TokenStore;
  readonly #seen: SeenGrants;
  readonly #underway = new Map<string, Read>();
  readonly #next = new Map<string, Read>();

  constructor(store: TokenStore, seen = new SeenGrants()) {
    this.#store = store;
    this.#seen = seen;
  }

  find(id: string): Read {
    const underway = this.#underway.get(id);
    if (!underway) return this.#start(id);
    const shared = this.#next.get(id) ?? this.#startAfter(underway, id);
    this.#next.set(id, shared);
    return shared;
  }

  #start(id: string): Read {
    const read: Read = this.#read(id).finally(() => {
      if (this.#underway.get(id) === read) this.#underway.delete(id);
    });
    this.#underway.set(id, read);
    return read;
  }

  async #startAfter(underway: Read, id: string): Read {
    try {
      await underway;
    } catch {
      // The callers of that read get the error.
    }
    this.#next.delete(id);
    return this.#start(id);
  }

  async #read(id: string): Read {
    const first = await this.#compared(id);
    // A connection that lags behind may return an older row once.
    const read = first.isOlder ? await this.#compared(id) : first;
    if (!read.grant) return undefined;
    return read.isOlder ? this.#restored(read.grant) : this.#current(read.grant);
  }

  /**
   * Compares the row with the version known when the read was sent: this process may have committed a newer one since.
   */
  async #compared(id: string): Promise<{ grant: GrantRecord | undefined; isOlder: boolean }> {
    const known = this.#seen.recall(id);
    const grant = await this.#store.findGrant(id);
    if (!grant || !known) return { grant, isOlder: false };
    return { grant, isOlder: grant.generation < known.generation || this.#seen.isRevived(grant, known) };
  }

  #current(grant: GrantRecord): GrantRecord | undefined {
    // This process revoked the grant during the read.
    if (this.#seen.isRevived(grant)) return undefined;
    this.#seen.note(grant);
    return grant;
  }

  #restored(grant: GrantRecord): GrantRecord | undefined {
    const isRevived = this.#seen.isRevived(grant);
    if (this.#seen.noteRestored(grant) || isRevived) {
      publishSecurityEvent({ type: 'restored_row', provider: grant.provider });
    }
    return isRevived ? undefined : grant;
  }
}
