import 'reflect-metadata';

/** Metadata key under which Nest stores the guards of a controller or handler. */
const GUARDS_METADATA = '__guards__';
const ENFORCES = Symbol.for('nestjs-nowgg-auth:enforces-policy');

/**
 * Marks a guard class of the application that obeys the decorators of this module because it passes the context to a
 * `NowggAuthGuard`. Subclasses of `NowggAuthGuard`, and guards that have it injected into their constructor, need no
 * mark.
 *
 * @example
 * ```ts
 * import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
 * import { ModuleRef } from '@nestjs/core';
 * import { EnforcesNowggPolicy, NowggAuthGuard } from 'nestjs-nowgg-auth';
 *
 * @EnforcesNowggPolicy()
 * @Injectable()
 * export class PlayerGuard implements CanActivate {
 *   constructor(private readonly moduleRef: ModuleRef) {}
 *
 *   canActivate(context: ExecutionContext) {
 *     return this.moduleRef.get(NowggAuthGuard, { strict: false }).canActivate(context);
 *   }
 * }
 * ```
 */
export function EnforcesNowggPolicy(): ClassDecorator {
  return (guard) => Reflect.defineMetadata(ENFORCES, true, guard);
}

/** Whether a guard, as `@UseGuards` or Nest's configuration holds it, obeys the decorators of this module. */
export function isEnforcingGuard(guard: unknown): boolean {
  const guardClass = classOf(guard);
  if (!guardClass) return false;
  if (Reflect.getMetadata(ENFORCES, guardClass) === true) return true;
  const injected = (Reflect.getMetadata('design:paramtypes', guardClass) ?? []) as unknown[];
  return injected.some((type) => typeof type === 'function' && Reflect.getMetadata(ENFORCES, type) === true);
}

/** Whether a guard comes from `@nestjs/passport`, which does not read the decorators of this module. */
export function isPassportGuard(guard: unknown): boolean {
  const prototype = (classOf(guard)?.prototype ?? {}) as Record<string, unknown>;
  return ['handleRequest', 'getAuthenticateOptions', 'logIn'].every((name) => typeof prototype[name] === 'function');
}

/** Whether a controller or handler itself has a guard that obeys the decorators of this module. */
export function bearsEnforcingGuard(level: object): boolean {
  return ownGuards(level).some(isEnforcingGuard);
}

/** The guards that Nest runs for a controller or handler. A controller also has those of its parent classes. */
export function guardsOf(level: object): unknown[] {
  return listed(Reflect.getMetadata(GUARDS_METADATA, level));
}

function ownGuards(level: object): unknown[] {
  return listed(Reflect.getOwnMetadata(GUARDS_METADATA, level));
}

function listed(guards: unknown): unknown[] {
  return Array.isArray(guards) ? guards : [];
}

function classOf(guard: unknown): (object & { readonly prototype?: object }) | undefined {
  if (typeof guard === 'function') return guard;
  return typeof guard === 'object' && guard !== null ? guard.constructor : undefined;
}
