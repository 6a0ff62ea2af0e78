import { type DynamicModule, Module } from '@nestjs/common';
import { NowggPrometheusModule } from 'nestjs-nowgg-auth/prometheus';
import { Registry } from 'prom-client';
import { CollectorGuard } from './collector.guard.js';

/** `GET /metrics` for Prometheus. */
@Module({})
export class MetricsModule {
  static register(): DynamicModule {
    return {
      module: MetricsModule,
      imports: [NowggPrometheusModule.forRoot({ registry: new Registry(), guards: [CollectorGuard] })],
    };
  }
}
