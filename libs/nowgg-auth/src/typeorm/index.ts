import { AddExchangeAttempt1767225600200 } from './migrations/sessions/add-exchange-attempt.js';
import { AddHandleVersion1767225600180 } from './migrations/sessions/add-handle-version.js';
import { AddSessionKeyToNowggGrant1767225600020 } from './migrations/sessions/add-session-key-to-nowgg-grant.js';
import { AddSessionKeys1767225600210 } from './migrations/sessions/add-session-keys.js';
import { AddSessionDevices1767225600170 } from './migrations/sessions/add-session-devices.js';
import { AddSessionTimes1767225600140 } from './migrations/sessions/add-session-times.js';
import { AddRefusalEvidence1767225600040 } from './migrations/add-refusal-evidence.js';
import { AddBanReasons1767225600150 } from './migrations/add-ban-reasons.js';
import { CreateNowggAudit1767225600190 } from './migrations/create-nowgg-audit.js';
import { CreateNowggFeatureBan1767225600160 } from './migrations/create-nowgg-feature-ban.js';
import { AddBoundedUpkeep1767225600130 } from './migrations/add-bounded-upkeep.js';
import { AddNowggRevocationLife1767225600010 } from './migrations/add-nowgg-revocation-life.js';
import { CreateNowggClient1767225600002 } from './migrations/create-nowgg-client.js';
import { CreateNowggExchange1767225600001 } from './migrations/create-nowgg-exchange.js';
import { CreateNowggGrant1767225600000 } from './migrations/create-nowgg-grant.js';
import { CreateNowggIssuedToken1767225600005 } from './migrations/create-nowgg-issued-token.js';
import { CreateNowggKey1767225600003 } from './migrations/create-nowgg-key.js';
import { CreateNowggRevocation1767225600004 } from './migrations/create-nowgg-revocation.js';
import { CreateNowggUserLock1767225600006 } from './migrations/create-nowgg-user-lock.js';
import { AddVaultUpkeep1767225600070 } from './migrations/add-vault-upkeep.js';
import { AddGrantedScopes1767225600085 } from './migrations/add-granted-scopes.js';
import { AddGrantClients1767225600110 } from './migrations/add-grant-clients.js';
import { CreateNowggSchema1767225600060 } from './migrations/create-nowgg-schema.js';
import { NowggAuditEntity } from './entities/nowgg-audit.entity.js';
import { NowggAuditPersonEntity } from './entities/nowgg-audit-person.entity.js';
import { NowggClientAdoptionEntity } from './entities/nowgg-client-adoption.entity.js';
import { NowggClientCountEntity } from './entities/nowgg-client-count.entity.js';
import { NowggClientEntity } from './entities/nowgg-client.entity.js';
import { NowggExchangeEntity } from './entities/nowgg-exchange.entity.js';
import { NowggFeatureBanEntity } from './entities/nowgg-feature-ban.entity.js';
import { NowggGrantEntity } from './entities/nowgg-grant.entity.js';
import { NowggIssuedTokenEntity } from './entities/nowgg-issued-token.entity.js';
import { NowggKeyEntity } from './entities/nowgg-key.entity.js';
import { NowggRevocationEntity } from './entities/nowgg-revocation.entity.js';
import { NowggSchemaEntity } from './entities/nowgg-schema.entity.js';
import { NowggSessionProofEntity } from './entities/nowgg-session-proof.entity.js';
import { NowggTokenLifeEntity } from './entities/nowgg-token-life.entity.js';
import { NowggUserLockEntity } from './entities/nowgg-user-lock.entity.js';
import { NowggVaultCountEntity } from './entities/nowgg-vault-count.entity.js';

export {
  NowggAuditEntity,
  NowggAuditPersonEntity,
  NowggClientCountEntity,
  NowggClientAdoptionEntity,
  NowggClientEntity,
  NowggExchangeEntity,
  NowggFeatureBanEntity,
  NowggGrantEntity,
  NowggIssuedTokenEntity,
  NowggKeyEntity,
  NowggRevocationEntity,
  NowggSchemaEntity,
  NowggSessionProofEntity,
  NowggTokenLifeEntity,
  NowggUserLockEntity,
  NowggVaultCountEntity,
};
export { typeOrmRevocationStore, type TypeOrmRevocationStoreOptions } from './typeorm-revocation-store.wiring.js';
export { typeOrmTokenStore, type TypeOrmTokenStoreOptions } from './typeorm-token-store.wiring.js';

/**
 * Entities of the stores, for the `entities` of your DataSource.
 *
 * @example
 * ```ts
 * import { nowggEntities, nowggMigrations } from 'nestjs-nowgg-auth/typeorm';
 * import { DataSource } from 'typeorm';
 *
 * export const dataSource = new DataSource({
 *   type: 'postgres',
 *   url: process.env.DATABASE_URL ?? '',
 *   entities: [...nowggEntities],
 *   migrations: [...nowggMigrations],
 * });
 * ```
 */
export const nowggEntities = [
  NowggGrantEntity,
  NowggExchangeEntity,
  NowggClientEntity,
  NowggKeyEntity,
  NowggRevocationEntity,
  NowggFeatureBanEntity,
  NowggIssuedTokenEntity,
  NowggUserLockEntity,
  NowggSessionProofEntity,
  NowggTokenLifeEntity,
  NowggClientCountEntity,
  NowggSchemaEntity,
  NowggVaultCountEntity,
  NowggAuditEntity,
  NowggAuditPersonEntity,
];

/**
 * Migrations of the stores, for the `migrations` of your DataSource. They run on PostgreSQL 13 and later, and on
 * PGlite.
 *
 * @example
 * ```ts
 * import { nowggEntities, nowggMigrations } from 'nestjs-nowgg-auth/typeorm';
 * import { DataSource } from 'typeorm';
 *
 * export const dataSource = new DataSource({
 *   type: 'postgres',
 *   url: process.env.DATABASE_URL ?? '',
 *   entities: [...nowggEntities],
 *   migrations: [...nowggMigrations],
 *   migrationsRun: true,
 * });
 * ```
 */
export const nowggMigrations = [
  CreateNowggGrant1767225600000,
  CreateNowggExchange1767225600001,
  CreateNowggClient1767225600002,
  CreateNowggKey1767225600003,
  CreateNowggRevocation1767225600004,
  CreateNowggIssuedToken1767225600005,
  CreateNowggUserLock1767225600006,
  AddNowggRevocationLife1767225600010,
  AddSessionKeyToNowggGrant1767225600020,
  AddRefusalEvidence1767225600040,
  CreateNowggSchema1767225600060,
  AddVaultUpkeep1767225600070,
  AddGrantedScopes1767225600085,
  AddGrantClients1767225600110,
  AddBoundedUpkeep1767225600130,
  AddSessionTimes1767225600140,
  AddBanReasons1767225600150,
  CreateNowggFeatureBan1767225600160,
  AddSessionDevices1767225600170,
  AddHandleVersion1767225600180,
  CreateNowggAudit1767225600190,
  AddExchangeAttempt1767225600200,
  AddSessionKeys1767225600210,
];
