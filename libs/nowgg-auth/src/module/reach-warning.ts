import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { MemoryTokenStore } from '../tokens/store/memory/memory-token-store.js';
import type { TokenStore } from '../tokens/store/token-store.js';
import type { RevocationStore } from '../revocation/revocation-store.js';

/** Warns at startup when processes share grants but not revocations. */
export class ReachWarning implements OnApplicationBootstrap {
  readonly #isShort: boolean;

  constructor(revocations: RevocationStore, tokens: TokenStore | undefined) {
    this.#isShort = !revocations.isShared && tokens !== undefined && !(tokens instanceof MemoryTokenStore);
  }

  onApplicationBootstrap(): void {
    if (!this.#isShort) return;
    new Logger('NowggAuth').warn(
      'a sign-out or ban applies to this process only: give NowggAuthModule the wiring key revocationStore, ' +
        'for example typeOrmRevocationStore()',
    );
  }
}
