import type { INestApplicationContext } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';

/** The facts of an application, apart from its handlers, that decide which guards run. */
export interface AuditedApplication {
  readonly modules: ModulesContainer;
  readonly config: ApplicationConfig;
  /** Whether global guards reach the messages of gateways: from Nest 12 on. */
  readonly guardsReachGateways: boolean;
  /** Whether global guards reach message patterns; undefined when that cannot be seen. */
  readonly guardsReachPatterns: boolean | undefined;
  /** Whether guards run for fields of GraphQL types; undefined when that cannot be seen. */
  readonly guardsReachFields: boolean | undefined;
  /** The options of every module of this package. */
  readonly options: readonly ResolvedNowggAuthOptions[];
}

const GRAPHQL_OPTIONS = 'GqlModuleOptions';

/** Whether global guards reach gateways: from Nest 12 on, which added this method. Its version would need its file. */
export function doGuardsReachGateways(config: ApplicationConfig): boolean {
  return 'setRouteConflictPolicy' in config;
}

/** The facts that are known inside of the application. */
export function auditedFromInside(
  modules: ModulesContainer,
  config: ApplicationConfig,
  httpHost: Pick<HttpAdapterHost, 'httpAdapter'> | undefined,
): AuditedApplication {
  return {
    modules,
    config,
    guardsReachGateways: doGuardsReachGateways(config),
    // A microservice beside HTTP has a configuration of its own, unless it inherits the application's.
    guardsReachPatterns: httpHost?.httpAdapter ? undefined : true,
    guardsReachFields: fieldGuards(modules),
    options: (instancesOf(modules, RESOLVED_OPTIONS) as (ResolvedNowggAuthOptions | null | undefined)[]).filter(
      (options) => options !== null && options !== undefined,
    ),
  };
}

/** The facts that are known with the application itself, its microservices included. */
export function auditedFromOutside(app: INestApplicationContext): AuditedApplication {
  const config = app.get(ApplicationConfig);
  const host = app.get(HttpAdapterHost, { strict: false });
  const known = auditedFromInside(app.get(ModulesContainer), config, host);
  if (known.guardsReachPatterns !== undefined || !('getMicroservices' in app)) return known;
  const microservices = (app as { getMicroservices(): readonly object[] }).getMicroservices();
  if (microservices.length === 0) return known;
  const inherits = (service: object) => (service as { applicationConfig?: unknown }).applicationConfig === config;
  return { ...known, guardsReachPatterns: microservices.every(inherits) };
}

function fieldGuards(modules: ModulesContainer): boolean | undefined {
  const found = instancesOf(modules, GRAPHQL_OPTIONS) as ({ fieldResolverEnhancers?: readonly unknown[] } | null)[];
  if (found.some((options) => options === null || options === undefined)) return undefined;
  return found.every((options) => options?.fieldResolverEnhancers?.includes('guards') === true);
}

function instancesOf(modules: ModulesContainer, token: string | symbol): unknown[] {
  return [...modules.values()].flatMap(({ providers }) => {
    const wrapper = providers.get(token);
    const instances: readonly unknown[] = wrapper ? [wrapper.instance] : [];
    return instances;
  });
}
