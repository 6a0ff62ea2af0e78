import { Module } from '@nestjs/common';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';
import { memoryTokenStore } from '../tokens/store/memory/memory-token-store.js';
import { strongKey } from './strong-key.js';

const client = { clientId: 'demo-client', clientSecret: 'demo-secret', strategyName: false } as const;

/** An application with a token store. */
@Module({
  imports: [
    NowggAuthModule.forRoot({
      ...client,
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }] },
    }),
  ],
})
export class StoringModule {}

/** An application that only verifies. */
@Module({ imports: [NowggAuthModule.forRoot(client)] })
export class VerifyingModule {}

/** An application that does not start. */
@Module({ imports: [NowggAuthModule.forRoot({ ...client, clientSecret: '' })] })
export class FaultyModule {}
