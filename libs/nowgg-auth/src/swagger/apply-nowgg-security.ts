import type { INestApplication } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { RoutePosture } from '../audit/posture.js';
import { auditRoutes } from '../audit/route-audit.js';
import { isRecord } from '../rules.js';
import { ERROR_SCHEMA, errorResponses, errorSchema } from './error-responses.js';
import { readyMadeResponses, readyMadeSchemas } from './ready-made-responses.js';
import { RouteMatch } from './route-match.js';

/** The parts of an OpenAPI document that are read and changed. */
export interface OpenApiDocument {
  paths: object;
  components?: object;
}

/** Options of {@link applyNowggSecurity}. */
export interface NowggSecurityOptions {
  /** Name of the security scheme in the document. Default `nowgg`. */
  readonly scheme?: string;
}

type Json = Record<string, unknown>;

const METHODS: ReadonlySet<string> = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']);

/**
 * Writes into an OpenAPI document which routes need a token, as the guards of the application enforce it: a bearer
 * scheme, `security` of each operation (required, optional or none), the needed scopes as `x-required-scopes`, the
 * responses 401, 403 and 503 with their headers, and the responses of the ready-made routes. What your decorators say
 * about a response stays.
 *
 * @param document the result of `SwaggerModule.createDocument`; it is changed
 * @returns the document
 *
 * @example
 * ```ts
 * import type { INestApplication } from '@nestjs/common';
 * import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
 * import { applyNowggSecurity } from 'nestjs-nowgg-auth/swagger';
 *
 * export function documentApi(app: INestApplication) {
 *   const document = SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('My game').build());
 *   SwaggerModule.setup('api', app, applyNowggSecurity(document, app));
 * }
 * ```
 */
export function applyNowggSecurity<Document extends OpenApiDocument>(
  document: Document,
  app: INestApplication,
  { scheme = 'nowgg' }: NowggSecurityOptions = {},
): Document {
  const { routes } = auditRoutes(app);
  const match = new RouteMatch(routes, app.get(ApplicationConfig).getGlobalPrefix());
  let hasReadyMade = false;
  for (const [path, item] of Object.entries(document.paths) as [string, Json][]) {
    for (const [method, operation] of Object.entries(item)) {
      const route = METHODS.has(method) && isRecord(operation) ? match.find(method, path) : undefined;
      if (!route) continue;
      hasReadyMade = describe(operation as Json, route, scheme) || hasReadyMade;
    }
  }
  const components = (document.components ??= {}) as Record<string, Json | undefined>;
  components.securitySchemes = { [scheme]: { type: 'http', scheme: 'bearer' }, ...components.securitySchemes };
  components.schemas = {
    [ERROR_SCHEMA]: errorSchema,
    ...(hasReadyMade && readyMadeSchemas),
    ...components.schemas,
  };
  return document;
}

/** Changes an operation. @returns whether it is a ready-made route */
function describe(operation: Json, route: RoutePosture, scheme: string): boolean {
  const own = readyMadeResponses(route.handler);
  const readsToken = route.access === 'required' || route.access === 'optional';
  const security = securityOf(operation, route, scheme);
  if (security) operation.security = security;
  if (route.scopes.length > 0 && readsToken) operation['x-required-scopes'] = [...route.scopes];
  const declared = isRecord(operation.responses) ? operation.responses : {};
  operation.responses = own
    ? { ...(readsToken && errorResponses(route)), ...declared, ...own }
    : { ...(readsToken && errorResponses(route)), ...declared };
  return own !== undefined;
}

/** The value of `security`; undefined when what the operation says is right. */
function securityOf({ security }: Json, { access, guardedBy }: RoutePosture, scheme: string): unknown[] | undefined {
  const declared = Array.isArray(security) ? (security as unknown[]) : undefined;
  const bearer = { [scheme]: [] };
  // Another guard may protect it, with a scheme that the application has declared.
  if (access === 'open' || access === 'parent') return declared ? undefined : [];
  if (access === 'optional') return [{}, bearer];
  // A chain of Passport admits callers by other schemes as well.
  const isChain = guardedBy !== null && !guardedBy.startsWith('Nowgg') && declared !== undefined;
  return isChain ? [...declared.filter((one) => !(isRecord(one) && scheme in one)), bearer] : [bearer];
}
