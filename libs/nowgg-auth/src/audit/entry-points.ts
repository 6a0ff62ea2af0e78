import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';

/** The doors of an application: a route, a GraphQL operation, a field of a type, a gateway's message, a pattern. */
export type RouteKind = 'http' | 'graphql' | 'field' | 'websocket' | 'message';

/** A method that a request or a message reaches from outside. */
export interface EntryPoint {
  /** Undefined for a method that no decorator of Nest makes reachable. */
  readonly kind: RouteKind | undefined;
  /** What a caller names, such as `GET /friends` or `Query friends`. */
  readonly address: string;
  readonly name: string;
  readonly handler: object;
  readonly host: object & { readonly name: string };
}

/** The fields that are read from Nest's record of a controller or provider. */
interface Wrapper {
  readonly metatype: unknown;
  readonly inject?: readonly unknown[] | null | undefined;
}

// The keys under which Nest's decorators store what they say. They are the same in Nest 11 and 12.
const PATH = 'path';
const METHOD = 'method';
const VERSION = '__version__';
const MODULE_PATH = '__module_path__';
export const IS_GATEWAY = 'websockets:is_gateway';
export const IS_MESSAGE = 'websockets:message_mapping';
export const GATEWAY_OPTIONS = 'websockets:gateway_options';
const MESSAGE = 'message';
const PATTERN = 'microservices:pattern';
const RESOLVER_TYPE = 'graphql:resolver_type';
const RESOLVER_NAME = 'graphql:resolver_name';
const IS_FIELD = 'graphql:resolve_property';
const IS_REFERENCE = 'graphql:resolve_reference';
const ROOT_TYPES: readonly unknown[] = ['Query', 'Mutation', 'Subscription'];

/** Every method of every controller and provider, with the door that it stands behind. */
export function entryPointsOf(modules: ModulesContainer, config: ApplicationConfig): EntryPoint[] {
  const seen = new Set<unknown>();
  return [...modules.values()].flatMap((module) => {
    const prefix = [config.getGlobalPrefix(), modulePath(module.metatype, modules.applicationId)];
    const wrappers: readonly Wrapper[] = [...module.controllers.values(), ...module.providers.values()];
    return wrappers.flatMap(({ metatype, inject }) => {
      // A provider that a factory creates has no class with decorators. A class may be in several modules.
      if (typeof metatype !== 'function' || inject || seen.has(metatype)) return [];
      seen.add(metatype);
      return handlersOf(metatype).map(([name, handler]) => ({
        ...doorOf(handler, metatype, name, prefix),
        name,
        handler,
        host: metatype,
      }));
    });
  });
}

function doorOf(handler: object, host: object, name: string, prefix: readonly unknown[]) {
  const said = (key: string, target: object = handler): unknown => Reflect.getMetadata(key, target);
  const door = (kind: RouteKind | undefined, address: string) => ({ kind, address });
  if (said(PATTERN) !== undefined) return door('message', texts(said(PATTERN)).join(', '));
  if (said(IS_MESSAGE) === true && said(IS_GATEWAY, host) === true) {
    const { namespace, path } = (said(GATEWAY_OPTIONS, host) ?? {}) as { namespace?: unknown; path?: unknown };
    return door('websocket', [...texts(namespace ?? path ?? []), ...texts(said(MESSAGE))].join(' '));
  }
  const type = said(RESOLVER_TYPE);
  if (ROOT_TYPES.includes(type)) return door('graphql', `${String(type)} ${text(said(RESOLVER_NAME) ?? name)}`);
  if (said(IS_REFERENCE) === true) return door('field', 'reference');
  if (said(IS_FIELD) === true) return door('field', text(said(RESOLVER_NAME) ?? name));
  const method = said(METHOD);
  if (typeof method !== 'number') return door(undefined, '');
  const version = said(VERSION) ?? said(VERSION, host);
  const versions = typeof version === 'symbol' || version === undefined ? '' : ` v${texts(version).join(', v')}`;
  return door('http', `${RequestMethod[method] ?? 'ALL'} ${pathsOf(prefix, said(PATH, host), said(PATH))}${versions}`);
}

function pathsOf(prefix: readonly unknown[], ofHost: unknown, ofHandler: unknown): string {
  const paths = texts(ofHost ?? '').flatMap((host) =>
    texts(ofHandler ?? '').map((handler) => {
      const parts = [...prefix, host, handler].flatMap((part) => text(part ?? '').split('/'));
      return `/${parts.filter((part) => part !== '').join('/')}`;
    }),
  );
  return [...new Set(paths)].join(', ');
}

function modulePath(metatype: object, applicationId: string): unknown {
  return Reflect.getMetadata(MODULE_PATH + applicationId, metatype) ?? Reflect.getMetadata(MODULE_PATH, metatype);
}

function texts(values: unknown): string[] {
  return (Array.isArray(values) ? (values as unknown[]) : [values]).map(text);
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'symbol' ? value.toString() : (JSON.stringify(value) ?? '');
}

/** Every method of a class and of its parents; of one name, only the overriding method. */
export function handlersOf(metatype: { readonly prototype?: unknown }): [string, object][] {
  const methods = new Map<string, object>();
  for (
    let prototype = metatype.prototype as object | null | undefined;
    prototype && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === 'function' && name !== 'constructor' && !methods.has(name))
        methods.set(name, value as object);
    }
  }
  return [...methods];
}
