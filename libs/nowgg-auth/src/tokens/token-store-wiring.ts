import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import type { TokenStore } from './token-store.js';

/** What the module hands to a wiring when it creates the store. */
export interface TokenStoreContext {
  readonly clock: NowggClock;
}

/** How a token store is created: what has to be injected, and what to make of it. */
export interface TokenStoreWiring {
  readonly inject: readonly InjectionToken[];
  /** @param dependencies instances for {@link inject}, in the same order */
  create(context: TokenStoreContext, ...dependencies: unknown[]): TokenStore;
}
