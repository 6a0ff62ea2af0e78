import { randomUUID } from 'node:crypto';
import type { GrantRecord, NewGrant } from '../../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import type { TokenStore } from '../../../libs/nowgg-auth/src/tokens/store/token-store.js';

/** Stores a grant as a completed exchange does, without a sign-in. @param other values that differ from the usual ones */
export async function storeGrant(store: TokenStore, other: Partial<NewGrant> = {}): Promise<GrantRecord> {
  const codeHash = randomUUID();
  await store.claimExchange({ codeHash, owner: randomUUID(), leaseMs: 10_000 });
  const grant = await store.completeExchange(codeHash, {
    id: randomUUID(),
    provider: 'nowgg',
    clientKey: 'client',
    userId: 'player-1',
    sessionId: undefined,
    refreshCiphertext: Buffer.from('refresh'),
    accessCiphertext: Buffer.from('access'),
    accessTokenExpiresAtMs: undefined,
    refreshTokenExpiresAtMs: undefined,
    handleKeyId: undefined,
    ...other,
  });
  return grant as GrantRecord;
}
