import type { InjectionToken } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** A name becomes the token under which @nestjs/typeorm provides that DataSource. */
export function dataSourceToken(dataSource: InjectionToken | undefined): InjectionToken {
  if (dataSource === undefined || dataSource === 'default') return DataSource;
  return typeof dataSource === 'string' ? `${dataSource}DataSource` : dataSource;
}
