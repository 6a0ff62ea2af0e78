import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { NowggHealthService } from '../health/nowgg-health.service.js';

/**
 * Indicators for `@nestjs/terminus`. They send no statement and no call. Add the class to the providers of the module that
 * imports `TerminusModule`.
 *
 * @example
 * ```ts
 * import { Controller, Get, Module } from '@nestjs/common';
 * import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
 * import { Public } from 'nestjs-nowgg-auth';
 * import { NowggHealthIndicator } from 'nestjs-nowgg-auth/terminus';
 *
 * @Public()
 * @Controller('health')
 * export class HealthController {
 *   constructor(
 *     private readonly health: HealthCheckService,
 *     private readonly nowgg: NowggHealthIndicator,
 *   ) {}
 *
 *   @Get('ready')
 *   @HealthCheck()
 *   ready() {
 *     return this.health.check([() => this.nowgg.ready('auth')]);
 *   }
 * }
 *
 * @Module({ imports: [TerminusModule], controllers: [HealthController], providers: [NowggHealthIndicator] })
 * export class HealthModule {}
 * ```
 */
@Injectable()
export class NowggHealthIndicator {
  readonly #indicators: HealthIndicatorService;
  readonly #health: NowggHealthService;

  constructor(
    @Inject(HealthIndicatorService) indicators: HealthIndicatorService,
    @Inject(NowggHealthService) health: NowggHealthService,
  ) {
    this.#indicators = indicators;
    this.#health = health;
  }

  /** Up while the process runs. For a liveness probe: a restart repairs nothing else. */
  live<const Key extends string>(key: Key): HealthIndicatorResult<Key> {
    return this.#indicators.check(key).up();
  }

  /** Down until bans have been read and once the process is told to end. For a readiness probe. */
  ready<const Key extends string>(key: Key): HealthIndicatorResult<Key> {
    const { isReady, reasons } = this.#health.ready();
    return isReady ? this.#indicators.check(key).up() : this.#indicators.check(key).down({ reasons });
  }

  /**
   * Up, with the states that do not work as they should. For a dashboard: it is never down, because a process that is
   * taken out of service repairs none of them.
   */
  degraded<const Key extends string>(key: Key): HealthIndicatorResult<Key> {
    const { isDegraded, states } = this.#health.degraded();
    return this.#indicators.check(key).up({ isDegraded, states });
  }
}
