import { SignedInElsewhereError, TooManySessionsError } from '../../errors.js';
import type { TokenDependencies } from '../calls/token-dependencies.js';
import type { GrantRevoker } from '../ending/grant-revoker.js';
import type { GrantRecord } from '../store/grant-record.js';

/**
 * Limits the sessions of a player at the end of a sign-in, when nothing can refuse it any more: a sign-in that fails ends
 * no session. One sign-in of a user at a time asks the store, so that one player cannot take its connections.
 */
export class SessionAdmissions {
  readonly #parts: TokenDependencies;
  readonly #ending: GrantRevoker;
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(parts: TokenDependencies, ending: GrantRevoker) {
    this.#parts = parts;
    this.#ending = ending;
  }

  /**
   * Resolves when the tokens of the sessions that the sign-in ends are refused. A repetition changes nothing, and
   * completes what was cut off.
   * @throws TooManySessionsError, SignedInElsewhereError, StoreUnavailableError
   */
  async admit(grant: GrantRecord): Promise<void> {
    const { max } = this.#parts.sessions;
    if (max === undefined) return;
    const user = JSON.stringify([grant.provider, grant.userId]);
    const turn = (this.#last.get(user) ?? Promise.resolve()).then(() => this.#admit(grant, max));
    const settled = turn.catch(() => undefined);
    this.#last.set(user, settled);
    try {
      await turn;
    } finally {
      if (this.#last.get(user) === settled) this.#last.delete(user);
    }
  }

  async #admit({ id, provider, userId, clientKey }: GrantRecord, max: number): Promise<void> {
    const { store, sessions } = this.#parts;
    const { whenFull, per } = sessions;
    const scope = per === 'client' ? clientKey : undefined;
    const { outcome, ended } = await store.admitSession({ id, provider, userId, clientKey: scope, max, whenFull });
    if (outcome === 'refused') {
      await this.#ending.finish(ended);
      throw new TooManySessionsError();
    }
    await this.#ending.displace(ended);
    if (outcome === 'ended') throw new SignedInElsewhereError();
  }
}
