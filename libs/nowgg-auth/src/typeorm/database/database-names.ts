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

/** Name of the NOTIFY channel; its messages are empty. */
export const PG_REVOCATION_CHANNEL = 'nowgg_revocation';
