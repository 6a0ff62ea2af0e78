import type { InjectionToken } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Returns the token under which @nestjs/typeorm provides the DataSource of this name. */
export function dataSourceToken(dataSource: InjectionToken | undefined): InjectionToken {
  if (dataSource === undefined || dataSource === 'default') return DataSource;
  return typeof dataSource === 'string' ? `${dataSource}DataSource` : dataSource;
}
