import {
  type CanActivate,
  Controller,
  type DynamicModule,
  Get,
  Header,
  Inject,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { register, type Registry } from 'prom-client';
import { NowggConfigurationError } from '../errors.js';
import { NowggHealthService } from '../health/nowgg-health.service.js';
import { Public } from '../http/policy/policy.decorators.js';
import { faultsOf, isFunction, isText, refuse, type Rules } from '../rules.js';
import { registerMetrics } from './prometheus-metrics.js';

/** Options of {@link NowggPrometheusModule}. */
export interface NowggPrometheusOptions {
  /** Registry of `prom-client`. Default: its global one, with all other metrics of the application. */
  registry?: Registry;
  /** Path of the route. Default `metrics`. False adds no route, for an application that has one. */
  path?: string | false;
  /**
   * Guards of the route, in addition to the global ones of the application; `NowggAuthGuard` lets it pass. Required with
   * a route: metrics tell how many players there are and what is broken. `'none'` for a port that only the collector
   * reaches.
   */
  guards?: readonly Type<CanActivate>[] | 'none';
}

const RULES: Rules<keyof NowggPrometheusOptions> = {
  registry: [isRegistry, 'must be a Registry of prom-client'],
  path: [(value) => value === false || isText(value), 'must be a path, or false for no route'],
  guards: guardFaults,
};

const METRICS_REGISTRY = Symbol('nestjs-nowgg-auth:metrics-registry');

/**
 * Metrics for Prometheus through `prom-client`. Import it beside `NowggAuthModule`.
 *
 * @throws NowggConfigurationError with the name of every invalid option
 *
 * @example
 * ```ts
 * import { timingSafeEqual } from 'node:crypto';
 * import { type CanActivate, type ExecutionContext, Injectable, Module } from '@nestjs/common';
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { NowggPrometheusModule } from 'nestjs-nowgg-auth/prometheus';
 *
 * @Injectable()
 * export class CollectorGuard implements CanActivate {
 *   canActivate(context: ExecutionContext): boolean {
 *     const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
 *     const key = process.env.METRICS_KEY;
 *     const [given, wanted] = [Buffer.from(headers.authorization ?? ''), Buffer.from(`Bearer ${key}`)];
 *     return key !== undefined && given.length === wanted.length && timingSafeEqual(given, wanted);
 *   }
 * }
 *
 * @Module({
 *   imports: [
 *     NowggAuthModule.forRoot({ clientId: process.env.NOWGG_CLIENT_ID ?? '', globalGuard: true }),
 *     NowggPrometheusModule.forRoot({ guards: [CollectorGuard] }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Module({})
export class NowggPrometheusModule implements OnModuleInit, OnApplicationShutdown {
  readonly #registry: Registry;
  readonly #health: NowggHealthService;
  #end: (() => void) | undefined;

  constructor(@Inject(METRICS_REGISTRY) registry: Registry, @Inject(NowggHealthService) health: NowggHealthService) {
    this.#registry = registry;
    this.#health = health;
  }

  static forRoot(options: NowggPrometheusOptions = {}): DynamicModule {
    refuse(faultsOf(RULES, options, 'NowggPrometheusModule '));
    const { registry = register, path = 'metrics', guards = 'none' } = options;
    return {
      module: NowggPrometheusModule,
      providers: [{ provide: METRICS_REGISTRY, useValue: registry }],
      controllers: path === false ? [] : [metricsController(path, guards === 'none' ? [] : guards, registry)],
    };
  }

  onModuleInit(): void {
    if (this.#registry.getSingleMetric('nowgg_auth_ready')) {
      throw new NowggConfigurationError(
        'NowggPrometheusModule: the registry has these metrics already, import it once',
      );
    }
    this.#end = registerMetrics(this.#registry, this.#health);
  }

  onApplicationShutdown(): void {
    this.#end?.();
    this.#end = undefined;
  }
}

function metricsController(path: string, guards: readonly Type<CanActivate>[], registry: Registry): Type {
  @Public()
  @UseGuards(...guards)
  @Controller(path)
  class NowggMetricsController {
    @Get()
    @Header('Content-Type', registry.contentType)
    @Header('Cache-Control', 'no-store')
    metrics(): Promise<string> {
      return registry.metrics();
    }
  }
  return NowggMetricsController;
}

function isRegistry(value: unknown): boolean {
  const { metrics, getSingleMetric } = (value ?? {}) as { metrics?: unknown; getSingleMetric?: unknown };
  return isFunction(metrics) && isFunction(getSingleMetric);
}

function guardFaults(guards: unknown, name: string, { path }: Readonly<Record<string, unknown>>): string[] {
  if (guards === undefined) return path === false ? [] : [`${name} must name the guards of the route, or be 'none'`];
  const areGuards = Array.isArray(guards) && guards.length > 0 && guards.every(isFunction);
  return guards === 'none' || areGuards ? [] : [`${name} must be guards, or 'none'`];
}
