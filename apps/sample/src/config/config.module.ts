import { type DynamicModule, Module } from '@nestjs/common';
import { SampleConfig } from './sample-config.js';

/** Makes the configuration injectable everywhere. */
@Module({})
export class ConfigModule {
  static register(config: SampleConfig): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [{ provide: SampleConfig, useValue: config }],
      exports: [SampleConfig],
    };
  }
}
