import type { Abstract, FactoryProvider, InjectionToken, Type } from '@nestjs/common';
import type { RESOLVED_OPTIONS, ResolvedNowggAuthOptions } from '../options/options.js';
import type { OPTIONAL_SHARED_CACHE, SharedCache } from '../verification/cache/shared-cache.js';

type Class = Type | Abstract<unknown> | (abstract new (...args: never[]) => unknown);

/** The DI token of a dependency: a class, one of the symbols, or a class that may have no provider. */
type Dependency =
  | Class
  | typeof RESOLVED_OPTIONS
  | typeof OPTIONAL_SHARED_CACHE
  | { readonly token: Class; readonly optional: true };

type Injected<D> = D extends abstract new (
  ...args: never[]
) => infer T
  ? T
  : D extends typeof RESOLVED_OPTIONS
    ? ResolvedNowggAuthOptions
    : D extends typeof OPTIONAL_SHARED_CACHE
      ? SharedCache | undefined
      : D extends { readonly token: infer C }
        ? Injected<C> | undefined
        : never;

/** A provider whose factory gets its dependencies by name. */
export function provide<const D extends Readonly<Record<string, Dependency>>>(
  token: InjectionToken,
  dependencies: D,
  create: (given: { readonly [Name in keyof D]: Injected<D[Name]> }) => unknown,
): FactoryProvider {
  const names = Object.keys(dependencies);
  return {
    provide: token,
    inject: Object.values(dependencies) as NonNullable<FactoryProvider['inject']>,
    useFactory: (...instances: unknown[]) =>
      create(Object.fromEntries(names.map((name, at) => [name, instances[at]])) as Parameters<typeof create>[0]),
  };
}
