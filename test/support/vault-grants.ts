import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { EncryptionKey } from '../../libs/nowgg-auth/src/options/options.js';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import { Vault } from '../../libs/nowgg-auth/src/tokens/vault/vault.js';

const BATCH = 1_000;

/** Whose grants they are, and when their access tokens expire. */
export interface PlantedGrants {
  readonly userId?: string;
  readonly provider?: string;
  readonly clientKey?: string;
  /** Where the grants are, when not in the schema that the database looks into first. */
  readonly table?: string;
  /** From now, milliseconds. Default an hour. */
  readonly expiresInMs?: number;
  /** The refresh token of each, by its id. */
  readonly refreshTokenOf?: (id: string) => string;
}

/** Puts this many active grants into the table, sealed under a key, without a request. @returns their ids */
export async function plantGrants(
  dataSource: DataSource,
  key: EncryptionKey,
  count: number,
  {
    userId,
    provider = 'nowgg',
    clientKey = 'client-key',
    table = 'nowgg_grant',
    expiresInMs = 3_600_000,
    refreshTokenOf = (id) => `refresh-${id}`,
  }: PlantedGrants = {},
): Promise<string[]> {
  const vault = new Vault(new KeyRing([key]));
  const ids = Array.from({ length: count }, () => randomUUID());
  for (let at = 0; at < count; at += BATCH) {
    const batch = ids.slice(at, at + BATCH);
    const sealed = batch.map((id) => {
      const owner = { provider, clientKey, userId: userId ?? `player-${id}`, sessionVersion: 1 };
      return vault.sealTokens({ id, ...owner, generation: 1 }, `access-${id}`, refreshTokenOf(id));
    });
    await dataSource.query(
      `INSERT INTO ${table} (id, provider, client_key, user_id, refresh_ct, access_ct, access_not_after, state,
         generation, session_version, access_obtained_at, fail_count, created_at, updated_at, handle_key_id)
       SELECT id, $4, $8, coalesce($5, 'player-' || id), refresh_ct, access_ct,
         now() + $6::float8 * interval '1 millisecond', 'active', 1, 1, now() - interval '1 hour', 0,
         now() - interval '1 hour', now() - interval '1 hour', $7
       FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS planted (id, refresh_ct, access_ct)`,
      [
        batch,
        sealed.map(({ refreshCiphertext }) => refreshCiphertext),
        sealed.map(({ accessCiphertext }) => accessCiphertext),
        provider,
        userId ?? null,
        expiresInMs,
        key.id,
        clientKey,
      ],
    );
  }
  return ids;
}
