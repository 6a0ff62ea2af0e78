import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../../clock.js';
import type { TokenStore } from './token-store.js';

/**
 * Token under which a module with a token store provides its `NowggTokenService` to the rest of this package. Absent
 * without a token store, so inject it as optional. With several modules, it is the one of the imported module.
 */
export const WIRED_TOKEN_SERVICE = Symbol('nestjs-nowgg-auth:wired-token-service');

/** The context that the module passes to a wiring when it creates the store. */
export interface TokenStoreContext {
  readonly clock: NowggClock;
}

/** The way to create a token store: the dependencies to inject and the factory. */
export interface TokenStoreWiring {
  readonly inject: readonly InjectionToken[];
  /** @param dependencies instances for {@link inject}, in the same order */
  create(context: TokenStoreContext, ...dependencies: unknown[]): TokenStore;
}
