import { randomUUID } from 'node:crypto';
import type { EncryptionKey } from 'nestjs-nowgg-auth';
import type { DataSource } from 'typeorm';
import { CLIENT_KEY } from './instant-provider.js';

/**
 * Parts of the library that are not public API: taken from its built files, to fill a vault without so many sign-ins.
 */
interface VaultInternals {
  readonly KeyRing: new (keys: readonly EncryptionKey[]) => object;
  readonly Vault: new (
    ring: object,
  ) => {
    sealTokens(
      context: {
        readonly id: string;
        readonly provider: string;
        readonly clientKey: string;
        readonly userId: string;
        readonly sessionVersion: number;
        readonly generation: number;
      },
      accessToken: string,
      refreshToken: string,
    ): { readonly accessCiphertext: Uint8Array; readonly refreshCiphertext: Uint8Array };
  };
}

const BATCH = 1_000;

/** Fills the database with grants whose tokens are fresh. @returns their ids */
export async function plantVault(dataSource: DataSource, key: EncryptionKey, grants: number): Promise<string[]> {
  const [{ KeyRing }, { Vault }] = (await Promise.all(
    ['tokens/vault/key-ring.js', 'tokens/vault/vault.js'].map(
      (file) => import(new URL(file, import.meta.resolve('nestjs-nowgg-auth')).href),
    ),
  )) as [Pick<VaultInternals, 'KeyRing'>, Pick<VaultInternals, 'Vault'>];
  const vault = new Vault(new KeyRing([key]));
  const ids = Array.from({ length: grants }, () => randomUUID());
  for (let at = 0; at < grants; at += BATCH) {
    const batch = ids.slice(at, at + BATCH);
    const sealed = batch.map((id) => {
      const owner = { provider: 'nowgg', clientKey: CLIENT_KEY, userId: `player-${id}`, sessionVersion: 1 };
      return vault.sealTokens({ id, ...owner, generation: 1 }, `access-${id}-1`, `refresh-${id}-1`);
    });
    await dataSource.query(
      `INSERT INTO nowgg_grant (id, provider, client_key, user_id, refresh_ct, access_ct, access_not_after, state,
         generation, session_version, access_obtained_at, fail_count, created_at, updated_at)
       SELECT id, 'nowgg', $4, 'player-' || id, refresh_ct, access_ct, now() + interval '1 hour', 'active',
         1, 1, now(), 0, now(), now()
       FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS planted (id, refresh_ct, access_ct)`,
      [
        batch,
        sealed.map(({ refreshCiphertext }) => refreshCiphertext),
        sealed.map(({ accessCiphertext }) => accessCiphertext),
        CLIENT_KEY,
      ],
    );
  }
  await dataSource.query('ANALYZE nowgg_grant');
  return ids;
}
