import type { NowggClock } from '../clock.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { ClientCircuits } from './client-circuits.js';
import type { ClientSuccesses } from './client-successes.js';
import type { GrantRecord } from './grant-record.js';
import type { TokensTiming } from './refresh-timing.js';
import type { RefreshOutcome } from './token-events.js';
import type { TokenStore } from './token-store.js';
import type { UnsavedSets } from './unsaved-sets.js';
import type { Vault } from './vault.js';

/** What the steps of the exchange and of the refresh share. */
export interface TokenParts {
  readonly store: TokenStore;
  readonly vault: Vault;
  readonly identityProviders: IdentityProviders;
  readonly circuits: ClientCircuits;
  readonly successes: ClientSuccesses;
  readonly unsaved: UnsavedSets;
  readonly clock: NowggClock;
  readonly timing: TokensTiming;
}

/** What a refresh came to. A fault of the store or the configuration is thrown. */
export type RefreshResult =
  /** A newer generation is stored. */
  | { readonly status: 'fresh'; readonly grant: GrantRecord; readonly outcome: RefreshOutcome }
  /** Revoked, dead or gone. */
  | { readonly status: 'ended'; readonly outcome: RefreshOutcome }
  /** Not now. */
  | { readonly status: 'later'; readonly retryInMs: number; readonly outcome: RefreshOutcome }
  /** Not now, for a reason that does not bind a caller who waits: ask again. */
  | { readonly status: 'yielded' };
