import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../../clock.js';
import type { TokenStore } from './token-store.js';

/**
 * Under which a module that has a token store offers its `NowggTokenService` to the rest of this package: absent where
 * there is none, so that it can be injected as optional, and the one of the module that is imported where there are several.
 */
export const WIRED_TOKEN_SERVICE = Symbol('nestjs-nowgg-auth:wired-token-service');

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
