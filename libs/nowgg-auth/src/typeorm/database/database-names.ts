import type { InjectionToken } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Returns the token under which @nestjs/typeorm provides the DataSource of this name. */
export function dataSourceToken(dataSource: InjectionToken | undefined): InjectionToken {
  if (dataSource === undefined || dataSource === 'default') return DataSource;
  return typeof dataSource === 'string' ? `${dataSource}DataSource` : dataSource;
}

/** A table's name with the schema of the DataSource, qualified as TypeORM does it. */
export function qualifiedTable(dataSource: DataSource, table: string): string {
  const { schema } = dataSource.options as { schema?: string };
  return schema === undefined ? `"${table}"` : `"${schema.replaceAll('"', '""')}"."${table}"`;
}

const TABLES = {
  grant: 'nowgg_grant',
  exchange: 'nowgg_exchange',
  client: 'nowgg_client',
  clientCount: 'nowgg_client_count',
  key: 'nowgg_key',
  revocation: 'nowgg_revocation',
  featureBan: 'nowgg_feature_ban',
  issuedToken: 'nowgg_issued_token',
  userLock: 'nowgg_user_lock',
  sessionProof: 'nowgg_session_proof',
  tokenLife: 'nowgg_token_life',
  schema: 'nowgg_schema',
  vaultCount: 'nowgg_vault_count',
  adoption: 'nowgg_client_adoption',
  audit: 'nowgg_audit',
  auditPerson: 'nowgg_audit_person',
} as const;

/** Names of the tables, as statements write them. */
export type TokenTables = Readonly<Record<keyof typeof TABLES, string>>;

export function tokenTables(dataSource: DataSource): TokenTables {
  const names = Object.entries(TABLES).map(([table, name]) => [table, qualifiedTable(dataSource, name)]);
  return Object.fromEntries(names) as TokenTables;
}

/** Name of the NOTIFY channel; its messages are empty. */
export const PG_REVOCATION_CHANNEL = 'nowgg_revocation';
