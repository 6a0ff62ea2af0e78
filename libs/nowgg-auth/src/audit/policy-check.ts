import { Inject, Injectable, Logger, type OnModuleInit, Optional } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { NowggConfigurationError } from '../errors.js';
import { auditedFromInside } from './audited-application.js';
import { findingsOf, isMistake, type RouteFinding } from './findings.js';
import { routesOf } from './posture.js';

/** DI token of {@link RouteAuditOptions.onUnprotected} with its default. */
export const ON_UNPROTECTED = Symbol('nestjs-nowgg-auth:on-unprotected');

/** What happens at the start when a handler is open by accident. */
export type OnUnprotected = 'ignore' | 'warn' | 'fail';

/** Number of findings that one warning names. */
const MOST_NAMED = 20;

/**
 * Refuses to boot when a handler has a decorator of this module and no guard obeys it: such a decorator looks like
 * protection but has no effect. Other weaknesses are reported as the option `onUnprotected` says.
 */
@Injectable()
export class PolicyCheck implements OnModuleInit {
  constructor(
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Optional() @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost | undefined,
    @Inject(ON_UNPROTECTED) private readonly onUnprotected: OnUnprotected,
  ) {}

  /** @throws NowggConfigurationError that names every such handler */
  onModuleInit(): void {
    const application = auditedFromInside(this.modules, this.config, this.host);
    const findings = findingsOf(routesOf(application), application.options);
    const fatal = findings.filter((finding) => isMistake(finding) || this.onUnprotected === 'fail');
    if (fatal.length > 0) throw new NowggConfigurationError(fatal.map(sentenceOf).join('; '));
    if (findings.length === 0 || this.onUnprotected !== 'warn') return;
    const named = findings.slice(0, MOST_NAMED).map(sentenceOf);
    const more = findings.length - named.length;
    if (more > 0) named.push(`and ${more} more, which auditRoutes(app) lists`);
    new Logger('NowggAuth').warn(`routes: ${named.join('; ')}`);
  }
}

function sentenceOf({ subject, message }: RouteFinding): string {
  return `${subject}: ${message}`;
}
